// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

extension Duration {
    /// The whole milliseconds, as messages between servers contain them. Durations of centuries count as the longest that
    /// an event loop can wait.
    package var wholeMilliseconds: Int64 { TimeAmount(self).nanoseconds / 1_000_000 }
}
