// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import Logging
internal import NIOConcurrencyHelpers
public import NIOCore
internal import NIOPosix
public import SocketIOCore
internal import Synchronization

/// A Socket.IO server.
///
/// ```swift
/// let io = Server()
/// io.onConnection { socket in
///     socket.on("chat message") { (text: String) in io.emit("chat message", text) }
/// }
/// try await io.run()
/// ```
///
/// All methods may be called from any thread. Middlewares and handlers apply to clients that connect after they were added.
public final class Server: Sendable {
    /// The configuration that the server was made with.
    public let configuration: ServerConfiguration

    /// The namespace `/`. The methods of a namespace that the server also has, such as `emit` and `use`, are those of `/`.
    public let sockets: Namespace

    let context: ServerContext
    let table: NamespaceTable
    let engineServer: EngineServer
    let clients: ClientFactory
    let group: any EventLoopGroup
    let ownsGroup: Bool
    let lifecycle = NIOLockedValueBox(Lifecycle())

    /// Makes a server that does not listen yet.
    ///
    /// - Parameters:
    ///   - configuration: Checked by ``listen(host:port:)`` and ``run()``, which throw when it cannot be used.
    ///   - eventLoopGroup: The loops to work on; nil, the default, makes a group of
    ///     ``ServerConfiguration/eventLoops`` loops, which ``close()`` ends.
    public init(
        configuration: ServerConfiguration = ServerConfiguration(), eventLoopGroup: (any EventLoopGroup)? = nil
    ) {
        var configuration = configuration
        configuration.engine.claimNodeTag()
        configuration.engine.servesPackedClient = configuration.parser != .default
        let group =
            eventLoopGroup ?? MultiThreadedEventLoopGroup(numberOfThreads: max(1, configuration.eventLoops))
        let clients = ClientFactory()
        let engine = EngineServer(
            configuration: configuration.engine, eventLoops: Array(group.makeIterator()), delegate: clients)
        let limits = SessionLimits(configuration)
        let rates = configuration.ratePolicy
        let context = ServerContext(
            configuration: configuration,
            shards: engine.shards.map {
                ShardContext(
                    $0, limits: limits, rates: rates, cancelsHandlers: configuration.cancelsHandlersAtDisconnect,
                    tracing: configuration.tracer.map { ServerTracing(tracer: $0) })
            })
        let table = NamespaceTable(context: context)
        self.configuration = configuration
        self.group = group
        self.ownsGroup = eventLoopGroup == nil
        self.clients = clients
        self.engineServer = engine
        self.context = context
        self.table = table
        self.sockets = table.namespace(SocketPacket.mainNamespace)
    }

    // MARK: Namespaces

    /// Returns a namespace, and makes it when there is none of this name. A missing slash in front of the name is added.
    public func of(_ name: String) -> Namespace {
        table.namespace(name.beginsWithBytes(of: "/") ? name : "/" + name)
    }

    /// All namespaces whose names contain a match of the pattern, made when clients ask for them. Anchor the pattern with
    /// `^` and `$` to match whole names.
    public func of<Output>(_ pattern: sending Regex<Output>) -> ParentNamespace {
        let pattern = SharedPattern(pattern)
        return add(.pattern { pattern.matches($0) })
    }

    /// All namespaces whose names the function accepts, made when clients ask for them. It gets the name and what the
    /// client gave as `auth`; an error counts as no.
    public func of(
        _ matcher: @escaping @Sendable (_ name: String, _ auth: SocketValue) async throws -> Bool
    ) -> ParentNamespace {
        add(.function(matcher))
    }

    /// Calls `observer` with every namespace but `/` that is made, dynamic ones included, on the thread that makes it.
    public func onNewNamespace(_ observer: @escaping @Sendable (Namespace) -> Void) {
        table.onNewNamespace(observer)
    }

    /// The namespaces that this server has at the moment, in no order.
    public var namespaces: [Namespace] { table.all }

    private func add(_ matcher: ParentNamespace.Matcher) -> ParentNamespace {
        let parent = ParentNamespace(matcher)
        table.add(parent)
        return parent
    }

    // MARK: The namespace /

    /// Adds a middleware to `/`, see ``Namespace/use(_:)``.
    public func use(_ middleware: @escaping ConnectMiddleware) { sockets.use(middleware) }

    /// Runs `handler` for every socket that connects to `/`, on the socket's event loop, before its first event.
    public func onConnection(_ handler: @escaping @Sendable (Socket) throws -> Void) {
        sockets.onConnection(handler)
    }

    /// The asynchronous form, see ``Namespace/onConnection(_:)``.
    public func onConnection(_ handler: @escaping @Sendable (Socket) async throws -> Void) {
        sockets.onConnection(handler)
    }

    /// The adapter of `/`.
    public var adapter: any Adapter { sockets.adapter }

    /// Sends an event to the other servers, see ``Namespace/serverSideEmit(_:_:)``.
    public func serverSideEmit<each Argument: Encodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument
    ) async throws {
        try await sockets.serverSideEmit(event, repeat each arguments)
    }

    /// As ``serverSideEmit(_:_:)``, with the first argument of each other server's answer. `servers` says which servers have to answer.
    public func serverSideEmitWithAck<each Argument: Encodable & Sendable, Answer: Decodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument, as type: Answer.Type, timeout: Duration = .seconds(5),
        of servers: AskedServers = .all
    ) async throws -> [Answer] {
        try await sockets.serverSideEmitWithAck(event, repeat each arguments, as: type, timeout: timeout, of: servers)
    }

    /// One of the server's event loops, for work that needs an event loop but no particular one.
    package var someEventLoop: any EventLoop { context.shards[0].eventLoop }

    // MARK: The engine

    /// The Engine.IO side of the server.
    public var engine: Engine { Engine(server: engineServer) }

    /// What the engine tells about itself.
    public struct Engine: Sendable {
        let server: EngineServer

        /// How many sessions are connected to this server. A session has a socket in each namespace that its client has joined.
        public var clientsCount: Int { server.clientsCount }
    }
}

/// A regular expression used by several threads, one at a time: `Regex` itself promises nothing about that.
private final class SharedPattern<Output>: Sendable {
    private let regex: Mutex<Regex<Output>>

    init(_ regex: sending Regex<Output>) {
        self.regex = Mutex(regex)
    }

    func matches(_ name: String) -> Bool {
        regex.withLock { name.firstMatch(of: $0) != nil }
    }
}
