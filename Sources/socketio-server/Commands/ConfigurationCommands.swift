// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import Foundation

/// `init`: a commented file with every setting, to begin with.
struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write a commented file with every setting and its default.",
        discussion: """
            Examples:
              socketio-server init
              socketio-server init /etc/socketio/socketio.yaml
              socketio-server init -            # to standard output
            """)

    @Argument(help: ArgumentHelp("The file; - is standard output.", valueName: "file"))
    var file = "socketio.yaml"

    @Flag(help: "Write over a file that exists.")
    var force = false

    func run() throws {
        guard file != "-" else { return print(SettingsReference.yaml, terminator: "") }
        let name = file.escapingControlCharacters()
        do {
            // One step, so that a file that appears meanwhile is not lost.
            try Data(SettingsReference.yaml.utf8).write(
                to: URL(fileURLWithPath: file), options: force ? [.atomic] : [.withoutOverwriting])
        } catch CocoaError.fileWriteFileExists {
            StandardError.write("'\(name)' exists; choose another name, or write over it with --force\n")
            throw ExitCode.failure
        } catch {
            StandardError.write("'\(name)' could not be written: \(error.localizedDescription)\n")
            throw ExitCode.failure
        }
        print("wrote \(name); check your changes with: socketio-server check-config --config \(name)")
    }
}

/// `print-config`: the settings as they hold, or as they are by default.
struct PrintConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "print-config",
        abstract: "Print every setting with its value and where it was written, secrets masked.",
        discussion: """
            Takes the same flags as 'run'. Exit code 78 when something is wrong with
            the settings.

            Examples:
              socketio-server print-config --config my.yaml
              socketio-server print-config --defaults
            """)

    enum Form: String, EnumerableFlag {
        case effective
        case defaults

        static func help(for value: Form) -> ArgumentHelp? {
            switch value {
            case .effective: "What holds with this file, environment and flags (the default)."
            case .defaults: "What holds when nothing is said."
            }
        }
    }

    @Flag var form = Form.effective

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        switch form {
        case .effective: print(try await options.load().listing())
        case .defaults: print(LoadedSettings(settings: Settings(), sources: [:], file: nil).listing())
        }
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
              socketio-server check-config --config my.yaml --json | jq '.problems[].message'
            """)

    @Flag(help: "Print one JSON object with the problems, and the settings when there are none.")
    var json = false

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        if json {
            let report = await ConfigurationReport.make(config: options.config, flags: options.flags)
            print(report.text)
            if let end = report.exitCode { throw end }
            return
        }
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

/// Prints the files that are made from the table of settings, and the description of the HTTP API. `make docs` calls it.
struct ReferenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings-reference",
        abstract: "Print docs/configuration.md, config/default.yaml, config/settings.schema.json or docs/openapi.json.",
        shouldDisplay: false)

    enum Form: String, ExpressibleByArgument, CaseIterable {
        case markdown
        case yaml
        case schema
        case openapi
    }

    @Argument var form: Form

    func run() {
        let text =
            switch form {
            case .markdown: SettingsReference.markdown
            case .yaml: SettingsReference.yaml
            case .schema: SettingsSchema.text + "\n"
            case .openapi: APIDescription.text + "\n"
            }
        print(text, terminator: "")
    }
}
