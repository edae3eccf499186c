// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore

/// What is kept of a socket whose connection was lost, for its return (protocol 4.12.3, rule 1).
package struct KeptSession: Sendable {
    /// The secret by which the client asks for it.
    package var pid: PackedID
    /// The socket's public id.
    package var sid: String
    package var namespace: String
    /// Without the room named after `sid`.
    package var rooms: [String]
    package var data: SocketValue
    /// Where the session began: what was sent before is never sent again.
    package var start: EventPosition
    /// Up to where events had been delivered when the connection was lost. The client cannot have seen later ones.
    package var position: EventPosition
    /// Whose session it is, when the namespace knows its users.
    package var subject: String?
    /// The node whose connected socket has the session, in a record that was written while the socket was connected: the
    /// client may have seen more than the record says.
    package var owner: String?

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

    /// Every room, the one named after the socket first.
    package var allRooms: [String] { [sid] + rooms }

    /// After which position the client's missed events begin: one from before the session counts as its start, so that
    /// an offset kept from an earlier session brings nothing back.
    package func replayStart(offset: EventPosition) throws(RecoveryFailure) -> EventPosition {
        guard owner != nil || offset <= position else { throw .unknownOffset }
        return max(offset, start)
    }
}
