// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
internal import LoopConfinement
internal import SocketIOCore

// What is registered. On the event loop, which is why these wait; in a handler they answer at once.
extension Socket {
    /// The names of the events that have handlers, each once, in the order of their registration.
    public func eventNames() async -> [String] { await core.get { $0.handlers.names } }

    /// The handlers of an event, in the order in which they are called.
    public func listeners(_ event: String) async -> [ListenerID] {
        await core.get { $0.handlers.ids(of: event) }
    }

    /// The listeners of ``onAny(_:)``, in the order in which they are called.
    public func listenersAny() async -> [ListenerID] {
        await core.get { $0.hooks?.incoming.map(\.id) ?? [] }
    }

    /// The listeners of ``onAnyOutgoing(_:)``, in the order in which they are called.
    public func listenersAnyOutgoing() async -> [ListenerID] {
        await core.get { $0.hooks?.outgoing.map(\.id) ?? [] }
    }
}

extension Namespace {
    /// The names of the events of other servers that have handlers here.
    public func eventNames() -> [String] { serverEvents.names }

    /// The handlers of an event of other servers, in the order in which they are called.
    public func listeners(_ event: String) -> [ListenerID] { serverEvents.ids(of: event) }
}

extension MemoryAdapter {
    /// The ids of this server's sockets in each of their rooms, those that sockets have to themselves included. For looking
    /// inside: it takes time and memory for every socket; ``Namespace/countByRoom(timeout:partialResults:)`` counts.
    public func socketsByRoom() async -> NameDictionary<NameSet> {
        var found: NameDictionary<NameSet> = [:]
        for socket in await localSockets(BroadcastOptions()) {
            for room in socket.rooms { found[room, default: []].insert(socket.id) }
        }
        return found
    }
}
