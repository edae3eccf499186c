// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import SocketIOServer

/// What `check-config --json` prints.
struct ConfigurationReport {
    /// One JSON object on one line.
    let text: String
    /// Nil when nothing is wrong.
    let exitCode: ExitCode?

    /// Reads and checks the settings.
    static func make(config: String?, flags: [String]) async -> ConfigurationReport {
        do {
            let loaded = try await SettingsOptions.loadOrThrow(config: config, flags: flags)
            try await Assembly.check(loaded)
            return ConfigurationReport(["ok": true, "problems": [], "settings": .object(settings(loaded))], nil)
        } catch let error as SettingsError {
            return ConfigurationReport(
                ["ok": false, "problems": .array(error.problems.map(value))],
                error.isUsage ? .validationFailure : .wrongSettings)
        } catch {
            return ConfigurationReport(["ok": false, "problems": [["message": .string("\(error)")]]], .wrongSettings)
        }
    }

    private init(_ value: SocketValue, _ exitCode: ExitCode?) {
        // Encoding cannot fail for a value of values.
        text = (try? RawJSON(encoding: value).json) ?? "{}"
        self.exitCode = exitCode
    }

    private static func value(_ problem: SettingProblem) -> SocketValue {
        var object: SocketObject = ["message": .string(problem.message), "source": .string("\(problem.source)")]
        if let key = problem.key { object["key"] = .string(key) }
        if case .file(let path, let line, let column) = problem.source {
            object["file"] = .string(path)
            object["line"] = .int(Int64(line))
            object["column"] = .int(Int64(column))
        }
        return .object(object)
    }

    /// By key: the value, with secrets masked, and where it was written.
    private static func settings(_ loaded: LoadedSettings) -> SocketObject {
        var object: SocketObject = [:]
        for setting in SettingTable.all {
            object[setting.key] = [
                "value": setting.json(setting.read(loaded.settings)),
                "source": .string("\(loaded.sources[setting.key] ?? .defaults)"),
            ]
        }
        return object
    }
}
