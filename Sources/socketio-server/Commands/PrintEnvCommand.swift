// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser

/// `print-env`: the settings as environment variables.
struct PrintEnvCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "print-env",
        abstract: "Print the settings as environment variables, for a shell, systemd or a container.",
        discussion: """
            Takes the same flags as 'run', and prints what is written in file,
            environment and flags. Secrets are left out as comments unless --secrets is
            given: then the output belongs into a file that only root can read.

            Examples:
              socketio-server print-env --config my.yaml > node.env
              socketio-server print-env --all            # defaults, too
              set -a; . ./node.env; set +a; socketio-server run

            Exit codes: 0 all is well, 64 wrong usage, 78 wrong settings.
            """)

    @Flag(help: "Settings that have their default, too.")
    var all = false

    @Flag(help: "Secrets with their values.")
    var secrets = false

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        let loaded = try await options.load()
        for setting in SettingTable.all where all || loaded.sources[setting.key] != nil {
            print(Self.line(setting, setting.read(loaded.settings), secrets: secrets))
        }
    }

    /// `SOCKETIO_PORT=3000`
    static func line(_ setting: SettingDefinition, _ value: SettingValue, secrets: Bool) -> String {
        let name = setting.environmentName
        if !secrets, holdsSecret(setting, value) { return "# \(name) holds a secret; --secrets prints it" }
        let text: String
        switch value {
        case .unset: text = ""
        case .text(let word): text = word
        case .number(let number): text = "\(number)"
        case .flag(let flag): text = "\(flag)"
        case .list(let items):
            guard !items.contains(where: { $0.contains(",") }) else {
                return "# \(setting.key) has a text with a comma, which only the file can hold"
            }
            text = items.joined(separator: ",")
        }
        // A variable of systemd or a container has no line ends.
        guard !text.utf8.contains(where: { $0 < 0x20 }) else {
            return "# \(setting.key) has a control character, which only the file can hold"
        }
        return "\(name)=\(quoted(text))"
    }

    /// Whether it is one, or is a URL with a password.
    private static func holdsSecret(_ setting: SettingDefinition, _ value: SettingValue) -> Bool {
        if case .text(let text) = value { return setting.isSecret || setting.mask(text) != text }
        return setting.isSecret && value != .unset && value != .list([])
    }

    /// As shells, systemd and Compose read it.
    private static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "_-./:,@+%=".utf8.contains(byte)
            }
        }
        guard !isPlain else { return text }
        return text.utf8.contains(UInt8(ascii: "'")) ? "\"\(text.escaping("\\\"$`"))\"" : "'\(text)'"
    }
}
