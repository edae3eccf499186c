// Part of socketio-server, MIT licence; see LICENSE.

/// Builds the object graph: the one file that knows every module.
enum Assembly {
    /// Whether a server could be built from the settings; builds everything that needs no port.
    static func check(_ loaded: LoadedSettings) throws {
        _ = try LibraryConfiguration.make(loaded)
    }
}
