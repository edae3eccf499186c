// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
public import EngineIOServer
internal import LoopConfinement
public import NIOCore
internal import SocketIOCore
internal import Synchronization

/// One client in one namespace.
///
/// A handle that may be used from any thread and kept for any time: calls do nothing when the client has disconnected. Calls
/// made on the socket's event loop act at once: those of synchronous handlers, and of asynchronous ones before their first
/// suspension. Calls from elsewhere are handed to the loop. In both cases the calls of one caller act in their order.
///
/// What lives on the loop is in a ``SocketCore``. Here is what any thread may read: constants, atomic numbers, and what is behind
/// a lock.
public final class Socket: Sendable, Identifiable {
    /// What the socket does: its middlewares run, it is connected, or it has ended.
    enum Phase: UInt8 {
        case connecting
        case connected
        case disconnected
    }

    /// The socket's public id: 20 random characters, also the name of a room it is in.
    public let id: String
    /// The namespace the socket belongs to.
    public let namespace: Namespace
    /// The session of the client, which its sockets in other namespaces share.
    public let conn: EngineSession
    /// The first request of the session, and the `auth` of the CONNECT packet.
    public var handshake: Handshake { Handshake(request: conn.handshake, given: auth, issued: issued) }

    let core: LoopReference<SocketCore>
    let auth: GivenAuth?
    /// Only when sessions can be continued.
    let continuation: SocketContinuation?
    private let issued = WallClock.milliseconds()
    let shared = Mutex(Shared())
    // What is small follows each other: there is one socket for each connection at least.
    private let phase = Atomic(Phase.connecting.rawValue)
    let slowClients = SlowClientPolicyCell()
    private let shardIndex: UInt8
    /// Whether the last question that a handler asked off the event loop exceeded the rate.
    let refusesQuestions = Atomic(false)
    /// Asynchronous handlers that have not ended. They begin on the event loop and end anywhere.
    private let handlersRunning = Atomic<Int32>(0)

    /// - Parameter shard: where the session lives.
    init(
        namespace: Namespace, conn: EngineSession, auth: GivenAuth?, continuation: SocketContinuation?,
        shard index: Int, core: LoopReference<SocketCore>
    ) {
        self.id =
            conn.protocolRevision == 3
            ? Self.legacyID(namespace, conn) : continuation?.earlier?.sid ?? RandomID.make()
        self.continuation = continuation
        self.namespace = namespace
        self.conn = conn
        self.auth = auth
        self.shardIndex = UInt8(truncatingIfNeeded: index)
        self.core = core
        if let earlier = continuation?.earlier { data = earlier.data }
    }

    /// Clients of revision 3 make the id themselves, from that of the session (protocol 2.5).
    private static func legacyID(_ namespace: Namespace, _ conn: EngineSession) -> String {
        SocketPacket.isMain(namespace.name) ? conn.id : "\(namespace.name)#\(conn.id)"
    }

    // MARK: State

    /// Whether the socket is connected: from the end of its middlewares to its disconnection.
    public var connected: Bool { phase.load(ordering: .acquiring) == Phase.connected.rawValue }

    /// The opposite of ``connected``.
    public var disconnected: Bool { !connected }

    /// The event loop of the socket, on which its handlers run: asynchronous ones up to their first suspension.
    public var eventLoop: any EventLoop { core.eventLoop }

    var isGone: Bool { phase.load(ordering: .acquiring) == Phase.disconnected.rawValue }

    var context: ServerContext { namespace.context }

    private var shard: ShardContext { context.shards[Int(shardIndex)] }

    /// Runs `body` on the loop: now, or after what has been handed to the loop before.
    package func onLoop(_ body: @escaping @Sendable () -> Void) { core.home.run(body) }

    /// Stores the phase. Called by the core.
    func note(_ phase: Phase) { self.phase.store(phase.rawValue, ordering: .releasing) }

    // MARK: Disconnecting

    /// Disconnects the socket from its namespace; with `close` the whole client, from all its namespaces.
    ///
    /// The official client does not connect again by itself after this. Its session cannot be continued (protocol 4.12).
    public func disconnect(close: Bool = false) { core.run { $0.disconnect(close: close) } }
}

extension Socket: HandlerScope {
    var running: RunningHandlers { shard.running }

    var runningHandlerCount: Int { Int(handlersRunning.load(ordering: .relaxed)) }

    func handlerBegins() {
        handlersRunning.wrappingAdd(1, ordering: .relaxed)
        core.run { $0.handlerBegan() }
    }

    func handlerEnded() { handlersRunning.wrappingSubtract(1, ordering: .relaxed) }

    var asker: Socket? {
        core.runIfHere { $0.client.shard.rates?.limits(.questions) ?? false } == true ? self : nil
    }

    var isTraced: Bool { context.isTraced }

    func handlerFailed(_ error: any Error, event: String, responder: AckResponder?) {
        report(error, event: event)
        if let responder, let answer = context.configuration.errorAcknowledgement(error) {
            responder.respond(answer)
        }
    }

    /// Counts and logs a failure of this socket, and reports it to the listeners of ``onError(_:)``. It disconnects nothing.
    func report(_ error: any Error, event: String?) {
        let isPeersFault: Bool
        var kind = SocketLogKind.eventFailed
        switch (error as? SocketError)?.code {
        case .roomRefused:
            kind = .joinRefused
            isPeersFault = false
        case .invalidArguments where event != nil:
            context.metrics.eventsInvalid.increment()
            // Mostly a mistake in the client or the handler, which its author ought to see.
            kind = .argumentsInvalid
            isPeersFault = false
        case .invalidArguments:
            context.metrics.eventsInvalid.increment()
            isPeersFault = true
        case .protocolViolation:
            isPeersFault = true
        default:
            context.metrics.handlerFailures.increment()
            isPeersFault = error is any ClientFacingError
        }
        if isPeersFault { kind = .eventInvalid }
        context.log.log(
            kind, level: isPeersFault ? .debug : .warning, LogMetadata.socket(self, error: error, event: event))
        core.run { core in
            for listener in core.hooks?.errors ?? [] { listener(error) }
        }
    }
}

extension Socket: CustomStringConvertible {
    /// Namespace and id.
    public var description: String { "\(namespace.name)#\(id)" }
}
