// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// How one event is sent to one socket.
struct EmitFlags: Sendable {
    var isVolatile = false
    var compress = true
    var timeout: TimeAmount?
    var coalescingKey: CoalescingKey?
}
