// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore

/// The state that is kept of a socket whose connection was lost, so that its client can return (protocol 4.12.3, rule
/// 1).
package struct KeptSession: Sendable {
    /// The secret with which the client asks for the session.
    package var pid: PackedID
    /// The socket's public id.
    package var sid: String
    package var namespace: String
    /// The rooms, without the one named after `sid`.
    package var rooms: [String]
    package var data: SocketValue
    /// Where the session began: events before this position are never sent again.
    package var start: EventPosition
    /// The position up to which events had been delivered when the connection was lost. The client cannot have seen
    /// later ones.
    package var position: EventPosition
    /// The user of the session, when the namespace knows its users.
    package var subject: String?
    /// The node whose connected socket has the session, in a record that was written while the socket was connected.
    /// The client may have seen more events than the record says.
    package var owner: String?
    /// Events that the client has got although they are after its offset, see ``EarlyMark``. Not part of the kept record.
    package var seen: Set<EventPosition> = []
    /// Whether a Node server wrote the record, which knows neither the namespace nor the user of a session.
    package var isFromNodeJS = false

    package init(
        pid: PackedID, sid: String, namespace: String, rooms: [String], data: SocketValue, start: EventPosition,
        position: EventPosition, subject: String? = nil, owner: String? = nil
    ) {
        self.pid = pid
        self.sid = sid
        self.namespace = namespace
        self.rooms = rooms
        self.data = data
        self.start = start
        self.position = position
        self.subject = subject
        self.owner = owner
    }

    /// All rooms; the one named after the socket comes first.
    package var allRooms: [String] { [sid] + rooms }

    /// About how much memory the record needs. Clients choose the number and the names of their rooms, and often the data.
    package var bytes: Int {
        let texts = sid.utf8.count + namespace.utf8.count + (subject?.utf8.count ?? 0) + (owner?.utf8.count ?? 0)
        return Self.overhead + texts + rooms.reduce(0) { $0 + Self.roomOverhead + $1.utf8.count } + data.memoryBytes
    }

    private static let overhead = 256
    private static let roomOverhead = 64

    /// The position after which the client's missed events begin. An offset from before the session counts as the
    /// session's start, so that an offset of an earlier session brings no events back.
    package func replayStart(offset: EventPosition) throws(RecoveryFailure) -> EventPosition {
        guard owner != nil || offset <= position else { throw .unknownOffset }
        return max(offset, start)
    }
}
