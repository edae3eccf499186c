// Part of socketio-server, MIT licence; see LICENSE.

/// The life of a serving process.
enum Operations {
    static func run(_ loaded: LoadedSettings) async throws {
        try Assembly.check(loaded)
    }
}
