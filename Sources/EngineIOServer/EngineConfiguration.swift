// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
public import Logging
internal import NIOConcurrencyHelpers
public import NIOSSL

/// Everything that can be set about the engine: names and defaults are those of the Node server (protocol 1.2), limits are
/// ours. Times are `Duration`, sizes bytes.
public struct EngineConfiguration: Sendable {
    // MARK: Requests that belong to the engine

    /// The path of the engine, without trailing slash; default `/socket.io`.
    public var path = "/socket.io"
    /// Whether requests must have a slash after ``path``; default true.
    public var addTrailingSlash = true
    /// Whether upgrade requests for other paths are ended; default true.
    public var destroyUpgrade = true
    /// How long the application may take to answer such a request; default 1 s.
    public var destroyUpgradeTimeout = Duration.seconds(1)

    // MARK: Sessions

    /// From a pong to the next ping; default 25 s.
    public var pingInterval = Duration.seconds(25)
    /// How long a pong may take; default 20 s.
    public var pingTimeout = Duration.seconds(20)
    /// How long an upgrade may take; default 10 s.
    public var upgradeTimeout = Duration.seconds(10)
    /// The largest inbound message or POST body, also told to clients as `maxPayload`; default 1,000,000.
    public var maxHttpBufferSize = 1_000_000
    /// Whether clients of revision 3 of the protocol are accepted, which are those of version 1 and 2 (protocol 2); default
    /// false, as in Node.js. The ids of their sockets are made of the session id, which is a secret: do not show them to other
    /// clients.
    public var allowEIO3 = false
    /// Enabled transports; default both.
    public var transports: [TransportName] = [.polling, .websocket]
    /// Whether upgrades are offered; default true.
    public var allowUpgrades = true
    /// Compression of poll answers; nil turns it off.
    public var httpCompression: HTTPCompressionConfiguration? = HTTPCompressionConfiguration()
    /// Compression of WebSocket messages; default nil, none (protocol 1.9).
    public var perMessageDeflate: PerMessageDeflateConfiguration?
    /// The cookie of the handshake response; default nil, none.
    public var cookie: CookieConfiguration?
    /// Which pages may use the engine; default nil: all, and no CORS headers, as in Node.js.
    public var cors: CORSConfiguration?
    /// A message for each session right after the handshake; default nil, none.
    public var initialPacket: EngineMessage?
    /// Four characters of `[A-Za-z0-9_-]` at the front of every session id; default random, another one for each
    /// server of the process.
    public var nodeTag: String {
        get { givenTag ?? defaultTag }
        set { givenTag = newValue }
    }
    private var givenTag: String?
    private var defaultTag = EngineConfiguration.randomTag()
    /// Name of a header of the handshake response that tells ``nodeTag``, for balancers that learn from answers, such as
    /// `X-SIO-Node`; default nil, none.
    public var nodeTagHeader: String?

    // MARK: Admission

    /// How many sessions may be open; over it handshakes get 503 with `Retry-After`. Handshakes that arrive on several
    /// event loops at the same moment may exceed it, by one for each loop. Default nil: 90 % of the descriptors that
    /// the process may have open when the server is made; `Int.max` is no limit.
    public var maxSessions: Int?
    /// How many sessions one address may have open; further handshakes are answered with 429 and `Retry-After`. The
    /// address is the client's, as determined by ``trustedProxies``; IPv6 addresses count by their /64 network, which
    /// is what one customer has. Default nil: no limit.
    public var maxSessionsPerAddress: Int?
    /// How many handshakes are let in per second, and in one burst; over it 503 with `Retry-After`. Default nil: no
    /// limit.
    public var maxHandshakesPerSecond: Int?
    /// The same limit for one address, whose further handshakes are answered with 429 and `Retry-After`. Default nil:
    /// no limit.
    public var maxHandshakesPerSecondPerAddress: Int?
    /// How many pending sessions may be open, which their clients have not begun to use: in Socket.IO those that have
    /// joined no namespace. When there are more, the server closes the oldest of them. Default 10,000.
    public var maxPendingSessions = 10_000
    /// How many bytes of request heads the server may keep for all pending sessions together, see ``keptHeaders``; when
    /// there are more, it closes the oldest of these sessions. Default 32 MiB.
    public var maxPendingBytes = 32 * 1024 * 1024
    /// The headers of a handshake that the server keeps while its session lives; default ``KeptHeaders/all``.
    public var keptHeaders = KeptHeaders.all

    // MARK: Several nodes

    /// Carries requests that reached the wrong node to the right one; default nil, which refuses them with code 1. Without
    /// effect with ``generateId``, whose ids name no node.
    public var forwarding: ForwardingConfiguration?

    // MARK: Hooks

    /// Asked before a session is opened, not for later requests; default nil, everybody. Cancelled with the connection.
    public var allowRequest: (@Sendable (HandshakeInfo) async -> AllowRequestResult)?
    /// Makes session ids instead of the built-in generator; an error refuses the handshake with code 3.
    public var generateId: (@Sendable (HandshakeInfo) async throws -> String)?
    /// May change the headers of a session's first response.
    public var initialHeaders: EngineHeadersHook?
    /// May change the headers of every engine response.
    public var headers: EngineHeadersHook?
    /// Run before anything else looks at an engine request, after CORS.
    public var middlewares: [EngineMiddleware] = []
    /// Told about every refused request, on an event loop; must not block.
    public var onConnectionError: (@Sendable (EngineConnectionError) -> Void)?

    // MARK: Limits

    /// Request line and headers together; over it 431. Default 16 KiB.
    public var maxRequestHeadSize = 16 * 1024
    /// Headers of one request; over it 431. Default 100.
    public var maxHeaders = 100
    /// How long a request head may take to arrive, from the first byte or from the accept; then 408. Default 5 s.
    public var headTimeout = Duration.seconds(5)
    /// How long a request body may take to arrive; then 408. Default 10 s.
    public var bodyTimeout = Duration.seconds(10)
    /// How long a connection may rest between two requests; default 5 s as in Node. Raise it above the idle timeout of
    /// a proxy that keeps connections open.
    public var keepAliveTimeout = Duration.seconds(5)
    /// How long a client may take none of an answer, plus a second for each 32 KiB of it; default 30 s.
    public var sendTimeout = Duration.seconds(30)
    /// The soft bound on the bytes of memory queued for one client. Above it the server watches the client's progress
    /// and drops volatile messages to it. Default 1 MiB. Without effect above ``maxBufferedBytes``.
    public var slowClientBytes = 1024 * 1024
    /// How long a client with more than ``slowClientBytes`` queued may read none of them before the server applies
    /// ``slowClientPolicy``; default 10 s.
    public var slowClientTimeout = Duration.seconds(10)
    /// The hard bound on the bytes of memory queued for one client, however fast it reads; at it the server applies
    /// ``slowClientPolicy``. A single message may be larger. Default 16 MiB.
    public var maxBufferedBytes = 16 * 1024 * 1024
    /// The bound on the bytes of memory queued for all clients together. Above it the server gives up the clients with
    /// the longest queues first. A message that is queued for many clients of an event loop counts once. Default 256
    /// MiB.
    public var maxTotalBufferedBytes = 256 * 1024 * 1024
    /// What happens to a client that reads too slowly; default ``SlowClientPolicy/disconnect``. Namespaces and sockets may
    /// have their own.
    public var slowClientPolicy = SlowClientPolicy.disconnect
    /// Packets in one polling payload; over it the session is closed. Default 1,024.
    public var maxPacketsPerPayload = 1024
    /// Fragments of one WebSocket message; over it close code 1008. Default 1,024.
    public var maxFragmentsPerMessage = 1024
    /// WebSocket control frames of one client per second; over it close code 1008. Default 50.
    public var maxControlFramesPerSecond = 50
    /// Bytes that an event loop keeps for all its clients of input that they sent while it did not read from them, at least
    /// 65,536; default 64 MiB. The client whose input exceeds it is disconnected.
    public var maxUnhandledInputBytes = 64 * 1024 * 1024

    // MARK: Client files

    /// Whether `socket.io.js` and its relatives are served under ``path``; default true.
    public var serveClient = true
    /// The directory holding them; nil, the default, answers 404 with the remedy.
    public var clientDirectory: String?
    /// Whether the client that writes MessagePack can connect, so that its files are served.
    package var servesPackedClient = true

    // MARK: Listening

    /// TLS settings of the listener; nil, the default, means plaintext. Versions before 1.2 are never used, whatever
    /// these settings say.
    public var tls: TLSConfiguration?
    /// Addresses or networks (`10.0.0.0/8`) of trusted proxies: the server uses their `X-Forwarded-For`,
    /// `X-Forwarded-Proto` and `X-Forwarded-Host`. Default none.
    public var trustedProxies: [String] = []
    /// Whether connections of ``trustedProxies`` begin with a PROXY header, version 1 or 2, that tells the client's address;
    /// without one they are ended. Default false.
    public var proxyProtocol = false
    /// Where the engine logs; default label `socketio.engine`.
    public var logger = Logger(label: "socketio.engine")

    // MARK: For this package

    /// Writes down what happened; nil, the default, costs nothing.
    package var observer: (any EngineObserver)?
    /// Whether swift-metrics hears of this server. The figures of several servers of a process go to the same series, so a
    /// server for those who run another one is not counted.
    package var isCounted = true
    /// Whether listeners refuse connections before the last descriptors are used, which leaves some for the operations
    /// listener.
    package var leavesDescriptors = true
    /// Whether the log warns when there are no client files to serve; false for a second server of a process.
    package var warnsOfMissingClientFiles = true

    /// All defaults.
    public init() {}

    /// The prefix of request targets that belong to the engine (protocol 1.3).
    package var effectivePath: String {
        let base = path.hasSuffix("/") ? String(path.dropLast()) : path
        return addTrailingSlash ? base + "/" : base
    }

    private static func randomTag() -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-".utf8)
        return String(decoding: (0..<4).map { _ in alphabet[Int.random(in: 0..<64)] }, as: UTF8.self)
    }

    /// Tags that servers of this process have got by default.
    private static let usedTags = NIOLockedValueBox<NameSet>([])

    /// Gives a server a tag that no other server of the process has, unless the application has chosen one: servers may be
    /// made with copies of one configuration.
    package mutating func claimNodeTag() {
        guard givenTag == nil else { return }
        while !Self.usedTags.withLockedValue({ $0.insert(defaultTag).inserted }) { defaultTag = Self.randomTag() }
    }
}

/// Compression of poll answers (protocol 1.8.5).
public struct HTTPCompressionConfiguration: Sendable, Equatable {
    /// The smallest body that is compressed, in bytes; default 1,024.
    public var threshold: Int
    /// zlib level 1 (fast) to 9 (small); default 6.
    public var level: Int

    /// Compression from `threshold` bytes on.
    public init(threshold: Int = 1024, level: Int = 6) {
        self.threshold = threshold
        self.level = level
    }
}

/// Compression of WebSocket messages by the extension `permessage-deflate` (RFC 7692).
///
/// Neither side keeps its window between two messages, so an idle connection costs no more memory than without, and a
/// broadcast is compressed once on each event loop.
public struct PerMessageDeflateConfiguration: Sendable, Equatable {
    /// The smallest message that is compressed, in bytes; default 1,024. What clients send may be compressed at any size.
    public var threshold: Int
    /// zlib level 1 (fast) to 9 (small); default 6.
    public var level: Int

    /// Compression from `threshold` bytes on.
    public init(threshold: Int = 1024, level: Int = 6) {
        self.threshold = threshold
        self.level = level
    }
}
