// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import SocketIOCore

/// How one event is sent to one socket.
struct EmitFlags: Sendable {
    var isVolatile = false
    var compress = true
    var timeout: TimeAmount?
    var coalescingKey: CoalescingKey?
    /// The place of an event that is sent from the history of a room.
    var roomPosition: RoomPosition?
}
