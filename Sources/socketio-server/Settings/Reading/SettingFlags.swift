// Part of socketio-server, MIT licence; see LICENSE.

/// The flags that set something, compared with the table and brought into the one form `--name=value`.
///
/// The argument parser hands on what it does not know; this decides which of it is a setting. swift-configuration's
/// provider then reads the result, and has no cases left in which it would guess.
struct SettingFlags {
    /// `--name=value`, once for each value.
    private(set) var normalized: [String] = []
    private(set) var problems: [SettingProblem] = []

    init(_ arguments: [String]) {
        var seen: Set<String> = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--"), argument.count > 2 else {
                report(
                    argument, nil, "unexpected argument",
                    suggestion: Suggestion.nearest(to: argument, among: Self.commands))
                continue
            }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let name = parts[0]
            guard let setting = SettingTable.byFlag[name] else {
                reportUnknown(name)
                // What follows is most likely its value: one mistake, one message.
                if parts.count == 1, let next = rest.first, !next.hasPrefix("--") { rest.removeFirst() }
                continue
            }
            var values = Array(parts.dropFirst())
            if values.isEmpty { values = Self.takeValues(of: setting, from: &rest) }
            if values.isEmpty {
                report(name, setting.key, "needs a value; allowed: \(setting.allowed)")
                continue
            }
            guard seen.insert(name).inserted || setting.takesMany else {
                report(name, setting.key, "given more than once")
                continue
            }
            normalized.append(contentsOf: values.map { "\(name)=\($0)" })
        }
    }

    private static let commands = [
        "run", "init", "check-config", "print-config", "print-env", "proxy-config", "emit", "peers", "rooms", "sockets",
        "kick", "top", "gentoken", "healthcheck", "completion", "version",
    ]

    private static func takeValues(of setting: SettingDefinition, from rest: inout ArraySlice<String>) -> [String] {
        var values: [String] = []
        while let next = rest.first, !next.hasPrefix("--"), values.isEmpty || setting.takesMany {
            values.append(rest.removeFirst())
        }
        // `--chat-enabled` alone switches it on.
        if values.isEmpty, case .flag = setting.kind { return ["true"] }
        return values
    }

    private mutating func reportUnknown(_ name: String) {
        if let secret = SettingTable.all.first(where: { $0.isSecret && "--" + $0.flagStem == name }) {
            report(
                name, secret.key,
                "not accepted as a flag, which other users could read; use the file or \(secret.environmentName)")
            return
        }
        if let answer = NodeOptions.answer(for: name, naming: { $0.flagName }) {
            report(name, nil, answer)
            return
        }
        let flags = SettingTable.all.compactMap(\.flagName) + ["--config", "--help"]
        report(name, nil, "unknown flag", suggestion: Suggestion.nearest(to: name, among: flags))
    }

    private mutating func report(_ flag: String, _ key: String?, _ message: String, suggestion: String? = nil) {
        let hint = suggestion.map { "; did you mean '\($0)'?" } ?? ""
        problems.append(
            SettingProblem(source: .flag(flag.escapingControlCharacters()), key: key, message: message + hint))
    }
}
