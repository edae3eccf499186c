// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import SocketIOCore

extension Socket {
    /// What handlers of several threads may look at.
    struct Shared: ~Copyable {
        /// What was joined and kept beside the room of its id; made when it is needed.
        private(set) var belongings: Belongings?
        /// In the room of its id, which nearly every socket is. Last, where it takes one byte.
        var isInOwnRoom = false

        /// To be changed.
        mutating func makeBelongings() -> Belongings {
            if let belongings { return belongings }
            let made = Belongings()
            belongings = made
            return made
        }

        mutating func leaveAllRooms() {
            isInOwnRoom = false
            belongings?.rooms = []
        }
    }

    /// What a socket in a large crowd often does not have. Behind the lock of ``Shared``.
    final class Belongings {
        /// Without the socket's own.
        var rooms: NameSet = []
        var data = Belongings.noData
        var rateIdentity: String?
        var storage: [ObjectIdentifier: any Sendable] = [:]

        static let noData = SocketValue.object(SocketObject())
    }
}
