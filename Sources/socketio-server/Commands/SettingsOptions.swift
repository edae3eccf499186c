// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser

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
            return try await loadOrThrow(config: config, flags: flags)
        } catch let error as SettingsError {
            StandardError.write("\(error)\n")
            if error.isUsage { StandardError.write("See 'socketio-server help run'.\n") }
            throw error.isUsage ? ExitCode.validationFailure : ExitCode.wrongSettings
        }
    }

    /// The settings.
    ///
    /// - Throws: `SettingsError` with all that is wrong with them and with the files that they name.
    static func loadOrThrow(config: String?, flags: [String]) async throws -> LoadedSettings {
        do {
            return try await SettingsLoader(configFile: config, flags: flags).load()
        } catch var error as SettingsError {
            if let rest = error.rest {
                let known = error.problems.compactMap(\.key)
                error.problems += await Assembly.problemsOfFiles(rest).filter { !$0.mayComeFrom(known) }
            }
            throw error
        }
    }
}

extension ExitCode {
    /// EX_CONFIG of `sysexits.h`.
    static let wrongSettings = ExitCode(78)
}
