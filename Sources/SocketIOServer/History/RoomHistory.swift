// Part of socketio-server, MIT licence; see LICENSE.

package import SocketIOCore

/// An event that a history has just kept.
package struct LiveEvent: Sendable {
    package let room: String
    package let position: RoomPosition
    package let content: EventToKeep

    package init(room: String, position: RoomPosition, content: EventToKeep) {
        self.room = room
        self.position = position
        self.content = content
    }
}

/// Learns what happens to the histories of a namespace. From any thread.
package protocol RoomHistoryReceiver: AnyObject, Sendable {
    /// Whether anybody here is in a room: otherwise it need not be told about it.
    func wants(_ room: String) -> Bool
    /// An event has been kept, by this server or another. Only takes note, since the history may be locked.
    func kept(_ event: LiveEvent)
    /// Events may have been kept of which ``kept(_:)`` was not told.
    func resumed()
}

/// Where the histories of rooms are kept. From any thread.
///
/// A contract suite (`RoomHistoryContract`) tests every implementation.
package protocol RoomHistory: AnyObject, Sendable {
    /// Tells a receiver about the rooms of a namespace, as long as it exists. An earlier receiver of the namespace is
    /// replaced.
    func listen(in namespace: String, _ receiver: any RoomHistoryReceiver)

    /// Keeps an event and tells the receivers of all servers about it.
    ///
    /// - Parameter seen: The newest position of the room that this server knows.
    /// - Throws: ``SocketError`` with code `historyUnavailable` when it is not known whether the event has been kept, or it
    ///   has not.
    func append(
        _ event: EventToKeep, to room: String, in namespace: String, _ limits: RoomHistoryLimits, seen: RoomPosition?
    ) async throws(SocketError) -> RoomPosition

    /// Reads at most so many events of at most about so many bytes, but one at least if there is one.
    ///
    /// - Throws: ``SocketError`` with code `historyUnavailable`.
    func read(
        _ query: RoomQuery, of room: String, in namespace: String, count: Int, bytes: Int, _ limits: RoomHistoryLimits
    ) async throws(SocketError) -> RoomPage
}
