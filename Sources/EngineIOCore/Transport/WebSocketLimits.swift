// Part of socketio-server, MIT licence; see LICENSE.

/// What a WebSocket client may cost. An object, because all clients share one.
package final class WebSocketLimits: Sendable {
    /// Largest message in bytes, over all its fragments; more closes with 1009.
    package let maximumMessageSize: Int
    /// Largest number of frames of one message; more closes with 1008.
    package let maximumFragments: Int
    /// Pings, pongs and close frames in one second; more closes with 1008.
    package let maximumControlFramesPerSecond: Int

    package init(
        maximumMessageSize: Int, maximumFragments: Int = 1024, maximumControlFramesPerSecond: Int = 50
    ) {
        self.maximumMessageSize = maximumMessageSize
        self.maximumFragments = maximumFragments
        self.maximumControlFramesPerSecond = maximumControlFramesPerSecond
    }
}
