// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOServer
public import Logging
internal import NIOCore
public import SocketIOCore
public import Tracing

/// The settings of a ``Server``. Times are `Duration`, sizes bytes. ``validate()`` checks the ranges; a server does that when it
/// begins to listen.
public struct ServerConfiguration: Sendable {
    /// The engine: path, heartbeat, transports, CORS, TLS, limits of requests and messages, client files.
    public var engine = EngineConfiguration()

    // MARK: Listening

    /// The address on which ``Server/run()`` listens: an IP address, the name of a host, or `*` for every address of the machine, of
    /// IPv4 and of IPv6. Default `127.0.0.1`.
    public var host = "127.0.0.1"
    /// The port on which ``Server/run()`` listens, 0 to 65535; 0 lets the system choose. Default 3000.
    public var port = 3000
    /// How many event loops a server makes for itself, at least 1; default one for each core. A server that is given an
    /// `eventLoopGroup` ignores it.
    public var eventLoops = System.coreCount

    // MARK: Connecting

    /// How long a client may take to join its first namespace; then its session is closed (protocol 3.6). Must be positive;
    /// default 45 s.
    public var connectTimeout = Duration.seconds(45)
    /// Whether the server forgets a dynamic namespace, and closes its adapter, when the last socket of the namespace on this server
    /// has disconnected (protocol 4.4). With ``connectionStateRecovery`` it waits until no client can return to the namespace any
    /// more. Default false, as in Node.
    public var cleanupEmptyChildNamespaces = false
    /// How many dynamic namespaces may exist on this server; a client that asks for one more is refused with
    /// `Invalid namespace`. At least 0; default 10,000.
    public var maxDynamicNamespaces = 10_000
    /// How clients write their packets; default ``SocketIOCore/PacketParser/default``, JSON text. All clients of the server must use
    /// the same parser, unless this is `auto` (protocol 3.11).
    public var parser = PacketParser.default
    /// Whether packets for a namespace that the client has not joined are dropped instead of ending its session (protocol 3.9);
    /// default false.
    public var lenientNamespaceErrors = false

    // MARK: Limits

    /// The most namespaces that one client may join, at least 1; default 64.
    public var maxNamespacesPerClient = 64
    /// The longest name of a namespace or room, in bytes of UTF-8; at least 20, the length of a socket id. Default 256.
    public var maxNameLength = 256
    /// The most rooms that one socket may be in, the one named after its id included. Further joins are refused, and reported to
    /// the listeners of ``Socket/onError(_:)``. At least 1; default 1,024.
    public var maxRoomsPerSocket = 1024
    /// The most rooms with sockets on this server, in all namespaces together. Joins that would make one more are refused, and
    /// reported as above. The rooms named after the ids of sockets do not count. At least 1; default 1,000,000.
    public var maxRooms = 1_000_000
    /// The most binary attachments of a received packet, at least 0; a packet with more closes the session. Default 10, as in Node.
    public var maxAttachments = 10
    /// How long the attachments of a received packet may take to arrive after its text; then the session is closed. Must be
    /// positive. Default 45 s: a client that sends nothing for so long misses a ping as well.
    public var attachmentTimeout = Duration.seconds(45)
    /// The largest received packet, in bytes of its text and all attachments together, at least 1; a larger one closes the session.
    /// Nil, the default, means the value of `engine.maxHttpBufferSize`.
    public var maxPacketBytes: Int?
    /// The deepest nesting of arrays and objects in received packets, 1 to 128; deeper nesting closes the session. Default 128.
    public var maxNesting = 128
    /// The longest key of an object in a received packet, in bytes between its quotes as the client wrote it: an escape such as
    /// `\u00e9` counts as six. A longer key closes the session. At least 1; default 1,024.
    public var maxKeyLength = 1024
    /// The longest name of a received event, in bytes counted like those of a key; a longer name closes the session. At least 1;
    /// default 256.
    public var maxEventNameLength = 256
    /// The largest JSON text that a client may send as `auth`, in bytes; a CONNECT with more is refused with an error that says so.
    /// At least 2, the length of an empty object; default 16,384.
    public var maxAuthBytes = 16_384
    /// The largest size of those texts of all namespaces of a client together, in bytes; a CONNECT that goes beyond it is refused with
    /// an error that says so. A smaller value than ``maxAuthBytes`` counts as that. At least 2; default 65,536.
    public var maxAuthBytesPerClient = 65_536
    /// The most acknowledgements of one socket that the server waits for. Further requests fail at once with ``SocketError`` and
    /// code `tooManyPendingAcknowledgements`. At least 1; default 1,024.
    public var maxPendingAcknowledgements = 1024
    /// The most events of one socket that may wait for its asynchronous middlewares (``EventMiddleware``); one more closes the
    /// session. At least 1; default 1,024.
    public var maxWaitingEvents = 1024
    /// The most bytes of events of one client, with their attachments, that may wait for asynchronous middlewares; more close the
    /// session. An event that waits alone may be larger. At least 0; default 4 MiB.
    public var maxWaitingBytes = 4 * 1024 * 1024

    /// How many asynchronous handlers of one socket may run at the same time, 1 to 1,000,000,000; default 1,024.
    ///
    /// Handlers of events and of ``Namespace/onConnection(_:)`` count, middlewares and the listeners of
    /// ``Socket/onDisconnect(_:)-(_)`` do not. While this many run, the server reads nothing more from the client of the socket, in any
    /// of its namespaces, not even a DISCONNECT or an acknowledgement: a handler that waits for an acknowledgement then waits until its
    /// time-out. Reading continues at most 0.1 s after one of them has ended.
    public var maxRunningHandlers = 1024

    /// How much each session, user and address may send and request in a second; by default nothing is limited. `docs/rates.md`
    /// says how exact the limits are.
    public var rates = RateLimits()

    // MARK: Behaviour

    /// How long the server waits for a client's acknowledgement when no `timeout` is given. Must be positive; nil waits until the
    /// socket disconnects, as Node does. Default 60 s.
    public var acknowledgementTimeout: Duration? = .seconds(60)
    /// How long the end of the server waits for asynchronous handlers, middlewares and listeners that are still running. Default 5 s;
    /// zero cancels them at once.
    ///
    /// ``Server/close()`` and ``Server/drain(over:)`` wait for this time, then cancel the tasks of those that have not ended, and wait
    /// for the same time once more. Those that still run then go on until they end or the program does, and an error in the log says
    /// how many they are. ``Server/run()`` also waits for this time, once, for a handler that has called `close()` itself.
    public var handlerGrace = Duration.seconds(5)
    /// Whether the tasks of a socket's asynchronous handlers, and of the middlewares of its events, are cancelled when it disconnects,
    /// and the middlewares of its namespace when the client goes before they have decided.
    /// Swift's cancellation is a request: a handler notices it where it waits or asks `Task.isCancelled`. Listeners of
    /// ``Socket/onDisconnect(_:)-(_)`` are not cancelled. Default false: the handlers run to their end.
    public var cancelsHandlersAtDisconnect = false
    /// A handler that holds its event loop longer than about this is named in the log, once for each event of a namespace. Must be
    /// positive; nil turns this off. Default 200 ms.
    public var slowHandlerWarning: Duration? = .milliseconds(200)
    /// How long a broadcast waits for acknowledgements when no `timeout` is given. Must be positive; default 5 s.
    public var broadcastAcknowledgementTimeout = Duration.seconds(5)
    /// Makes the acknowledgement of an event whose handler has failed, from the error; sends none when it returns nil (protocol
    /// 3.10). Called only if the client has asked for an acknowledgement, on any thread; it must not block.
    ///
    /// Default: `{"error": {"message": …}}` with the text, and the data if there are any, of a ``ClientFacingError``; otherwise with
    /// `invalid arguments` when the arguments did not fit the handler, or `internal error`. Nil for a ``SocketError`` with code
    /// `handlingUnknown`, after which the client is to send the event again, see ``HandledMessages``.
    public var errorAcknowledgement: @Sendable (any Error) -> SocketValue? = ServerConfiguration.describe
    /// Whether and how clients continue their session after a lost connection (protocol 4.12); nil, the default, means that they
    /// begin anew.
    public var connectionStateRecovery: ConnectionStateRecovery?
    /// Whether and how rooms keep a history (protocol 4.13); nil, the default, means that none does.
    public var durableRooms: DurableRooms?
    /// Makes the adapter of a namespace (protocol 5.1). The default is the ``MemoryAdapter`` of the context, for a single server.
    ///
    /// The server calls it when it makes the namespace: while the server itself is made for `/`, in `of(_:)` for a namespace that the
    /// application names, and on any thread while a client connects for a dynamic one. It must return at once, so an adapter connects
    /// in ``Adapter/start()`` and not here. Other threads that ask for the same namespace wait meanwhile, so that a namespace has only
    /// one adapter; the function itself must not ask the server for this namespace. After ``Server/close()`` it is not called any more.
    public var adapter: @Sendable (AdapterSPI.Context) -> any Adapter = { $0.local }
    /// Makes spans of what the server does, for OpenTelemetry or another system behind swift-distributed-tracing; nil, the default,
    /// makes none and costs nothing. `InstrumentationSystem.tracer` is the tracer that the program has installed.
    ///
    /// | span | kind | lasts |
    /// | --- | --- | --- |
    /// | `connect` | server | while the middlewares and connection handlers of a socket run; continues the trace that the headers of the first request name |
    /// | `process EVENT` | consumer | while the handlers of a received event run, asynchronous ones to their end; begins a trace |
    /// | `publish EVENT` | producer | while a broadcast is handed to the sockets of this server and to the adapter |
    /// | `serverSideEmit EVENT`, `fetchSockets`, `count` and their like | client | until the other servers have answered |
    ///
    /// The last two belong to the trace of their caller. `ServiceContext.current` is that of the span in middlewares and handlers. Names
    /// of events are those that the application handles or sends; an event without a handler has no span.
    public var tracer: (any Tracer)?
    /// The logger of this layer; ``EngineConfiguration/logger`` is that of the engine. Default label `socketio.server`.
    public var logger = Logger(label: "socketio.server")

    /// All defaults.
    public init() {}

    /// Nil when no rate is limited.
    var ratePolicy: RatePolicy? { rates.policy(largestMessage: engine.maxHttpBufferSize) }

    var packetLimits: PacketLimits {
        PacketLimits(
            maxAttachments: maxAttachments, maxPacketBytes: maxPacketBytes ?? engine.maxHttpBufferSize,
            maxDepth: maxNesting, maxNamespaceLength: max(512, maxNameLength), maxKeyLength: maxKeyLength,
            maxEventNameLength: maxEventNameLength)
    }

    var clientLimits: ClientLimits {
        ClientLimits(
            maxNamespaces: maxNamespacesPerClient, maxNamespaceLength: maxNameLength, maxAuthBytes: maxAuthBytes,
            maxAuthBytesPerClient: maxAuthBytesPerClient)
    }

    /// Checks the values of this layer; ``Server/listen(host:port:)`` and ``Server/run()`` call it, and check `engine` too.
    ///
    /// - Throws: ``SocketError`` with code `invalidConfiguration`, whose message names every value that cannot be used.
    public func validate() throws {
        var problems: [String] = []
        func require(_ condition: Bool, _ problem: String) {
            if !condition { problems.append(problem) }
        }
        require((0...65535).contains(port), "port must be 0 to 65535")
        require(eventLoops >= 1, "eventLoops must be at least 1")
        require(connectTimeout > .zero, "connectTimeout must be positive")
        require(maxDynamicNamespaces >= 0, "maxDynamicNamespaces must not be negative")
        require(maxNamespacesPerClient >= 1, "maxNamespacesPerClient must be at least 1")
        require(maxNameLength >= 20, "maxNameLength must be at least 20, the length of a socket id")
        require(maxRoomsPerSocket >= 1, "maxRoomsPerSocket must be at least 1")
        require(maxRooms >= 1, "maxRooms must be at least 1")
        require(attachmentTimeout > .zero, "attachmentTimeout must be positive")
        require(maxAttachments >= 0, "maxAttachments must not be negative")
        require(maxPacketBytes.map { $0 >= 1 } ?? true, "maxPacketBytes must be at least 1")
        require((1...128).contains(maxNesting), "maxNesting must be 1 to 128")
        require(maxKeyLength >= 1, "maxKeyLength must be at least 1")
        require(maxEventNameLength >= 1, "maxEventNameLength must be at least 1")
        require(maxAuthBytes >= 2, "maxAuthBytes must be at least 2, the length of an empty object")
        require(maxAuthBytesPerClient >= 2, "maxAuthBytesPerClient must be at least 2")
        require(maxPendingAcknowledgements >= 1, "maxPendingAcknowledgements must be at least 1")
        require(maxWaitingEvents >= 1, "maxWaitingEvents must be at least 1")
        require(maxWaitingBytes >= 0, "maxWaitingBytes must not be negative")
        require(
            (1...1_000_000_000).contains(maxRunningHandlers), "maxRunningHandlers must be 1 to 1,000,000,000")
        require(slowHandlerWarning.map { $0 > .zero } ?? true, "slowHandlerWarning must be positive")
        require(handlerGrace >= .zero, "handlerGrace must not be negative")
        require(acknowledgementTimeout.map { $0 > .zero } ?? true, "acknowledgementTimeout must be positive")
        require(broadcastAcknowledgementTimeout > .zero, "broadcastAcknowledgementTimeout must be positive")
        rates.check(&problems)
        connectionStateRecovery?.check(&problems)
        durableRooms?.check(&problems)
        guard problems.isEmpty else {
            throw SocketError(.invalidConfiguration, problems.joined(separator: "; "))
        }
    }

    /// The default ``errorAcknowledgement``.
    @Sendable
    private static func describe(_ error: any Error) -> SocketValue? {
        var detail = SocketObject()
        switch error {
        case let error as any ClientFacingError:
            detail["message"] = .string(error.message)
            if let data = error.data { detail["data"] = data }
        case let error as SocketError where error.code == .handlingUnknown:
            return nil
        case let error as SocketError where error.code == .invalidArguments:
            detail["message"] = "invalid arguments"
        default:
            detail["message"] = "internal error"
        }
        var answer = SocketObject()
        answer["error"] = .object(detail)
        return .object(answer)
    }
}
