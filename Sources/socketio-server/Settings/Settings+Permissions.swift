// Part of socketio-server, MIT licence; see LICENSE.

extension Settings {
    /// Which rooms clients may join by themselves.
    struct Rooms: Sendable, Equatable {
        var allow: [String] = []
    }

    /// The program that is asked who may connect and join rooms.
    struct Callback: Sendable, Equatable {
        var connectUrl: String?
        var roomUrl: String?
        var secret: String?
        var headers = ["Authorization", "Cookie"]
        var timeoutMs = 3_000
        var cacheMs = 10_000
        var cacheBytes = 16_777_216
        var maxConnections = 16
        var maxWaiting = 10_000

        /// Whether anything is asked.
        var isUsed: Bool { connectUrl != nil || roomUrl != nil }
    }
}
