// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOServer
public import Logging
internal import NIOCore
public import SocketIOCore

/// Everything that can be set about a ``Server``. Times are `Duration`, sizes bytes.
public struct ServerConfiguration: Sendable {
    /// The engine: path, heartbeat, transports, CORS, TLS, limits of requests and messages, client files.
    public var engine = EngineConfiguration()

    // MARK: Listening

    /// The address ``Server/run()`` listens on; `*` is every address of the machine, of IPv4 and of IPv6. Default `127.0.0.1`.
    public var host = "127.0.0.1"
    /// The port ``Server/run()`` listens on; 0 lets the system choose; default 3000.
    public var port = 3000
    /// Event loops of the group a server makes for itself; default one per core.
    public var eventLoops = System.coreCount

    // MARK: Connecting

    /// How long a client may take to join its first namespace; default 45 s.
    public var connectTimeout = Duration.seconds(45)
    /// Whether a dynamic namespace is forgotten when its last socket has gone; default false, as in Node.
    public var cleanupEmptyChildNamespaces = false
    /// How many dynamic namespaces may exist; more are refused as invalid. Default 10,000.
    public var maxDynamicNamespaces = 10_000
    /// How clients write their packets; default ``SocketIOCore/PacketParser/default``, JSON text. All clients of the server must be
    /// set up alike, unless it is `auto`.
    public var parser = PacketParser.default
    /// Whether packets for a namespace that is not joined are dropped instead of ending the session; default false.
    public var lenientNamespaceErrors = false

    // MARK: Limits

    /// The most namespaces that one client may join; default 64.
    public var maxNamespacesPerClient = 64
    /// The longest name of a namespace or room, in bytes; default 256.
    public var maxNameLength = 256
    /// The most rooms that one socket may be in, its own included; default 1,024.
    public var maxRoomsPerSocket = 1024
    /// The most rooms with sockets on this server, in all namespaces together; joins of further rooms are refused. The room that
    /// each socket has to itself does not count. Default 1,000,000.
    public var maxRooms = 1_000_000
    /// The most binary attachments of a received packet; a packet with more closes the session. Default 10, as in Node.
    public var maxAttachments = 10
    /// How long the attachments of a received packet may take to arrive after its text; then the session is closed. Default
    /// 45 s, after which a client that sends nothing else has missed a ping as well.
    public var attachmentTimeout = Duration.seconds(45)
    /// The largest received packet in bytes, its text and all attachments together; a larger one closes the session. Default
    /// nil: the value of `engine.maxHttpBufferSize`.
    public var maxPacketBytes: Int?
    /// The deepest nesting of arrays and objects in received packets, 1 to 128; deeper nesting closes the session. Default 128.
    public var maxNesting = 128
    /// The longest key of an object in a received packet, in bytes between its quotes as the client wrote it: an escape such as
    /// `\u00e9` counts as six. A longer key closes the session. Default 1,024.
    public var maxKeyLength = 1024
    /// The longest name of a received event, in bytes counted like those of a key; a longer name closes the session. Default
    /// 256.
    public var maxEventNameLength = 256
    /// The largest JSON text that a client may send as `auth`, in bytes; a CONNECT with more is refused with an error that says so.
    /// Default 16,384.
    public var maxAuthBytes = 16_384
    /// The most acknowledgements that the server waits for on one socket; further requests fail. Default 1,024.
    public var maxPendingAcknowledgements = 1024
    /// The most events of one socket that may wait for its asynchronous middlewares; more close the session.
    /// Default 1,024.
    public var maxWaitingEvents = 1024
    /// The most bytes of events of one client, with their attachments, that may wait for asynchronous middlewares; more close the
    /// session. A single event may be larger. Default 4 MiB.
    public var maxWaitingBytes = 4 * 1024 * 1024

    /// The most asynchronous handlers of one socket that run at once. While so many run, the server reads nothing more from the
    /// client, not even acknowledgements. Default 1,024.
    public var maxRunningHandlers = 1024

    /// How much each session, user and address may send and request in a second; by default nothing is limited.
    public var rates = RateLimits()

    // MARK: Behaviour

    /// How long the server waits for a client's acknowledgement when no `timeout` is given; nil waits until the socket
    /// disconnects, as Node does. Default 60 s.
    public var acknowledgementTimeout: Duration? = .seconds(60)
    /// How long ``Server/close()`` and ``Server/drain(over:)`` wait for running asynchronous handlers before they cancel them, and
    /// how long ``Server/run()`` waits for a handler that has called `close()`; default 5 s.
    public var handlerGrace = Duration.seconds(5)
    /// Whether the asynchronous handlers of a socket are cancelled when it disconnects; those of ``Socket/onDisconnect(_:)-(_)``
    /// are not. Default false: they go on to their end.
    public var cancelsHandlersAtDisconnect = false
    /// A handler that holds its event loop longer than about this is named in the log, once; nil turns this off. Default 200 ms.
    public var slowHandlerWarning: Duration? = .milliseconds(200)
    /// How long a broadcast waits for acknowledgements when no `timeout` is given; default 5 s.
    public var broadcastAcknowledgementTimeout = Duration.seconds(5)
    /// What a client that asked for an acknowledgement gets when its handler failed; nil answers nothing.
    ///
    /// Default: `{"error": {"message": …}}` with the text of a ``ClientFacingError``, `invalid arguments`, or
    /// `internal error`.
    public var errorAcknowledgement: @Sendable (any Error) -> SocketValue? = ServerConfiguration.describe
    /// Whether and how clients continue their session after a lost connection; nil, the default, means that they begin anew.
    public var connectionStateRecovery: ConnectionStateRecovery?
    /// Whether and how rooms keep a history; nil, the default, means that none does.
    public var durableRooms: DurableRooms?
    /// Makes the adapter of each namespace; default ``MemoryAdapter``, for a single server.
    public var adapter: @Sendable (AdapterSPI.Context) -> any Adapter = { $0.local }
    /// Where this layer logs; default label `socketio.server`.
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
            maxNamespaces: maxNamespacesPerClient, maxNamespaceLength: maxNameLength, maxAuthBytes: maxAuthBytes)
    }

    /// Refuses values that cannot work, all at once.
    ///
    /// - Throws: ``SocketError`` with code `invalidConfiguration`, or the engine's error.
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
