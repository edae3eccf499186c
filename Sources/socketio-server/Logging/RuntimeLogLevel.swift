// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import Synchronization

/// The level of the process's loggers once somebody has changed it at run time; read for every message, hence an atomic.
enum RuntimeLogLevel {
    private static let levels = Logger.Level.allCases
    private static let index = Atomic(-1)

    /// Nil as long as the settings of the start hold.
    static var changed: Logger.Level? {
        let index = index.load(ordering: .relaxed)
        return index < 0 ? nil : levels[index]
    }

    static func change(to level: Logger.Level) {
        index.store(levels.firstIndex(of: level) ?? -1, ordering: .relaxed)
    }
}
