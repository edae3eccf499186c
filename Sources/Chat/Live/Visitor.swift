// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import SocketIOServer

/// A connected device of a person, in one namespace.
struct Visitor: Sendable {
    let socket: Socket
    let person: ChatPerson
    /// The id of the community; empty in `/`.
    let space: String
    /// The address that the person shares with others; nil for one who has logged in, and is limited alone.
    let address: String?

    /// Where all devices of the person in this namespace are. No client can choose it.
    var personRoom: String { Self.room(of: person.id) }

    static func room(of person: String) -> String { "person:\(person)" }

    /// Joins a room, and tells whether the limits have allowed it. A handler that has waited for something no longer runs on the
    /// socket's event loop, where joins act; this goes there.
    func enter(_ room: String) async throws -> Bool {
        try await socket.eventLoop.submit { [socket] in
            socket.join(room)
            return socket.rooms.contains(room)
        }.get()
    }
}

/// What a socket is kept with.
struct VisitorIdentity: Sendable {
    let person: ChatPerson
    /// The Socket.IO rooms of the person's channels in the community when the device came.
    var rooms: [String] = []
    /// Whether the person said goodbye, rather than lost the connection.
    var saidGoodbye = false
    /// Whether the person has left the community with this device still connected.
    var hasQuit = false
}

/// Somebody who has logged in elsewhere.
public struct ChatLogin: Sendable {
    /// What tells the person from all others, such as the subject of a token; nil when only the name is known.
    public var subject: String?
    /// The name to show; nil for one that the person may choose.
    public var name: String?

    /// A login with what is known of it.
    public init(subject: String?, name: String?) {
        self.subject = subject
        self.name = name
    }
}

/// Something that a person reports.
public struct ChatReport: Sendable {
    /// Who reports it.
    public var by: ChatPerson
    /// What was said.
    public var message: ChatMessage
    /// Why, in the person's words; at most 1,000 bytes.
    public var reason: String
}
