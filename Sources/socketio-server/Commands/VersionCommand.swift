// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser

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

/// The version of this package, in one place.
enum Version {
    static let current = "0.1.0"
}
