// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import SocketIOCore

extension Socket {
    /// What handlers of several threads may look at.
    struct Shared: ~Copyable {
        /// What was joined and kept beside the room of its id; made when it is needed.
        private(set) var extras: Extras?
        /// In the room of its id, which nearly every socket is. Last, where it takes one byte.
        var isInOwnRoom = false

        /// To be changed.
        mutating func makeExtras() -> Extras {
            if let extras { return extras }
            let made = Extras()
            extras = made
            return made
        }

        mutating func leaveAllRooms() {
            isInOwnRoom = false
            extras?.rooms = []
        }
    }

    /// What a socket in a large crowd often does not have. Behind the lock of ``Shared``.
    final class Extras {
        /// Without the socket's own.
        var rooms: NameSet = []
        var data = Extras.noData
        var rateIdentity: String?
        var storage: [ObjectIdentifier: any Sendable] = [:]

        static let noData = SocketValue.object(SocketObject())
    }
}
