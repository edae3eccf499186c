// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

/// Notices what happens on a server, and puts what webhooks are to tell of into the queue.
struct WebhookSource: Sendable {
    let kinds: Set<WebhookKind>
    /// The events that are told of.
    let eventNames: NameSet
    let queue: WebhookQueue
    /// Who a socket belongs to, as its token says.
    let subject: @Sendable (Socket) -> String?

    /// Watches all namespaces, those that are made later, too.
    func attach(to server: Server) {
        watch(server.sockets)
        server.onNewNamespace { watch($0) }
    }

    private func watch(_ namespace: Namespace) {
        let name = SocketValue.string(namespace.name)
        if kinds.contains(.join) || kinds.contains(.leave) {
            namespace.onRoomEvent { event in
                switch event {
                case .joined(let room, let id): add(.join, room, id, name)
                case .left(let room, let id): add(.leave, room, id, name)
                case .created, .deleted: break
                }
            }
        }
        guard !kinds.isDisjoint(with: [.connect, .disconnect, .event]) else { return }
        namespace.onConnection { socket in watch(socket, name) }
    }

    private func watch(_ socket: Socket, _ namespace: SocketValue) {
        var members: SocketObject = ["namespace": namespace, "socket": .string(socket.id)]
        if let subject = subject(socket) { members["user"] = .string(subject) }
        let (known, queue) = (members, queue)
        if kinds.contains(.connect) {
            members["address"] = .string(socket.handshake.address)
            members["recovered"] = .bool(socket.recovered)
            queue.add(.connect, members)
        }
        if kinds.contains(.disconnect) {
            socket.onDisconnect { reason in
                var members = known
                members["reason"] = .string(reason.rawValue)
                queue.add(.disconnect, members)
            }
        }
        if kinds.contains(.event) {
            let names = eventNames
            socket.onAny { name, arguments in
                guard names.contains(name) else { return }
                var members = known
                members["event"] = .string(name)
                members["args"] = .array(arguments.values)
                queue.add(.event, members)
            }
        }
    }

    private func add(_ kind: WebhookKind, _ room: String, _ id: String, _ namespace: SocketValue) {
        guard kinds.contains(kind), !room.hasSameBytes(as: id) else { return }
        queue.add(kind, ["namespace": namespace, "socket": .string(id), "room": .string(room)])
    }
}
