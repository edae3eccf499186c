// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser

/// `run`: serves until it is told to end.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Serve until SIGTERM or SIGINT (the default command).",
        discussion: """
            Examples:
              socketio-server run --config my.yaml
              socketio-server run --port 8080 --operations-port 9464

            """ + SettingsReference.flagHelp)

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        let loaded = try await options.load()
        let (config, flags) = (options.config, options.flags)
        try await Operations.run(loaded) { try await SettingsLoader(configFile: config, flags: flags).load() }
    }
}
