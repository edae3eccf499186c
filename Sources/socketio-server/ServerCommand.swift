// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser

/// `socketio-server`: the command with its subcommands.
@main
struct ServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "socketio-server",
        abstract: "A Socket.IO server.",
        discussion: """
            Settings come from defaults, a YAML file, environment variables and flags; later ones win.
            'socketio-server help run' lists the flags.

            Examples:
              socketio-server
              socketio-server --port 8080 --log-format json
              socketio-server --config config/default.yaml
              SOCKETIO_PORT=8080 socketio-server run
              socketio-server check-config --config my.yaml
              socketio-server emit --to lobby news '{"text":"we are open"}'
              socketio-server peers --config my.yaml

            Tab completion:
              socketio-server --generate-completion-script bash   # or zsh, fish

            Exit codes: 0 ended as asked, 1 could not serve, 64 wrong usage, 78 wrong settings.
            """,
        version: Version.current,
        subcommands: [
            RunCommand.self, InitCommand.self, CheckConfigCommand.self, PrintConfigCommand.self,
            ProxyConfigCommand.self, EmitCommand.self, PeersCommand.self, HealthcheckCommand.self,
            VersionCommand.self, ReferenceCommand.self,
        ],
        defaultSubcommand: RunCommand.self)
}

/// Options of every command that reads settings.
struct SettingsOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("YAML file with settings; the variable SOCKETIO_CONFIG can name it too.", valueName: "file"))
    var config: String?

    @Argument(parsing: .allUnrecognized, help: ArgumentHelp("Flags that set something.", visibility: .hidden))
    var flags: [String] = []

    /// The settings, or the end of the process with all that is wrong with them on standard error.
    func load() async throws -> LoadedSettings {
        try await Self.load(config: config, flags: flags)
    }

    /// As ``load()``, for commands with options of their own.
    static func load(config: String?, flags: [String]) async throws -> LoadedSettings {
        do {
            return try await SettingsLoader(configFile: config, flags: flags).load()
        } catch let error as SettingsError {
            StandardError.write("\(error)\n")
            if error.isUsage { StandardError.write("See 'socketio-server help run'.\n") }
            throw error.isUsage ? ExitCode.validationFailure : ExitCode.wrongSettings
        }
    }
}

extension ExitCode {
    /// EX_CONFIG of `sysexits.h`.
    static let wrongSettings = ExitCode(78)
}

/// The version of this package, in one place.
enum Version {
    static let current = "0.1.0"
}
