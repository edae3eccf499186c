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

/// `check-config`: everything `run` does up to the point of listening.
struct CheckConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Check the settings and print those that hold, with secrets masked.",
        discussion: """
            Takes the same flags as 'run'. Exit code 78 when something is wrong with
            the settings.

            Examples:
              socketio-server check-config --config my.yaml
              socketio-server check-config --port 8080 --adapter redis
            """)

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        let loaded = try await options.load()
        do {
            try await Assembly.check(loaded)
        } catch let error as SettingsError {
            StandardError.write("\(error)\n")
            throw ExitCode.wrongSettings
        }
        print(loaded.listing())
    }
}

/// `version`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Print the version.",
        discussion: """
            Example:
              socketio-server version
            """)

    func run() {
        print("socketio-server \(Version.current)")
    }
}

/// Prints the files that are made from the table of settings; `make docs` calls it.
struct ReferenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings-reference", abstract: "Print docs/configuration.md or config/default.yaml.",
        shouldDisplay: false)

    enum Form: String, ExpressibleByArgument, CaseIterable {
        case markdown
        case yaml
    }

    @Argument var form: Form

    func run() {
        print(form == .markdown ? SettingsReference.markdown : SettingsReference.yaml, terminator: "")
    }
}
