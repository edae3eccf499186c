// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import SocketIOCore

/// The sharded channels that this node listens to, by name. Lives on the bus's event loop.
///
/// Two users can want one channel: that of the room `b` of `/a` is also the one of a namespace `/a#b`. It is subscribed
/// to until both have left it.
final class ShardedSubscriptions {
    /// Identifies a user of channels.
    typealias User = ObjectIdentifier

    private struct Listener {
        let user: User
        let handler: RedisBusCore.Handler
    }

    private final class Entry {
        var listeners: [Listener]
        /// Callbacks for the confirmation of Redis; nil when it has come.
        var waiting: [(Result<Void, any Error>) -> Void]? = []

        init(_ listener: Listener) { listeners = [listener] }
    }

    private let bus: RedisBusCore
    private var entries: NameDictionary<Entry> = [:]
    /// Namespaces that are being listened to.
    private var namespaces = 0

    init(_ bus: RedisBusCore) {
        self.bus = bus
        bus.isListening = { [weak self] in self?.namespaces ?? 0 > 0 }
    }

    /// Adds or removes a namespace, for the status.
    func countNamespace(_ difference: Int) {
        namespaces += difference
        bus.statusChanged()
    }

    /// Passes the messages of a channel to the handler. `done` when Redis has confirmed it.
    func add(
        _ channel: String, for user: User, _ handler: @escaping RedisBusCore.Handler,
        _ done: @escaping (Result<Void, any Error>) -> Void
    ) {
        let listener = Listener(user: user, handler: handler)
        if let entry = entries[channel] {
            if !entry.listeners.contains(where: { $0.user == user }) { entry.listeners.append(listener) }
            if entry.waiting != nil { entry.waiting?.append(done) } else { done(.success(())) }
            return
        }
        let entry = Entry(listener)
        entry.waiting?.append(done)
        entries[channel] = entry
        bus.counters.record(channels: entries.count)
        let dispatch: RedisBusCore.Handler = { payload, channel in
            for listener in entry.listeners { listener.handler(payload, channel) }
        }
        bus.subscribe(channels: [(channel, dispatch)]) { result in
            let waiting = entry.waiting ?? []
            entry.waiting = nil
            for done in waiting { done(result) }
        }
    }

    /// Stops to pass messages of a channel to a user.
    func remove(_ channel: String, for user: User) {
        guard let entry = entries[channel] else { return }
        entry.listeners.removeAll { $0.user == user }
        guard entry.listeners.isEmpty else { return }
        entries[channel] = nil
        bus.counters.record(channels: entries.count)
        bus.unsubscribe(channels: [channel])
    }
}
