// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
public import EngineIOServer
internal import NIOConcurrencyHelpers
internal import SocketIOCore
internal import Synchronization

/// All namespaces whose names a pattern or a function accepts, its *children* (protocol 4.4). The server makes a child when the
/// first client asks for its name.
///
/// Middlewares and handlers that are added here apply to children that are made afterwards. All methods may be called from any
/// thread.
public final class ParentNamespace: Sendable {
    /// How names are accepted.
    enum Matcher: Sendable {
        case pattern(@Sendable (String) -> Bool)
        case function(@Sendable (String, SocketValue) async throws -> Bool)
    }

    /// An internal name, `/_` and a number, which no client sees.
    public let name: String

    private let matcher: Matcher
    private let registration = NIOLockedValueBox(ConnectRegistration())
    private let known = NIOLockedValueBox<[ExactName: Namespace]>([:])

    private static let created = Atomic(0)

    init(_ matcher: Matcher) {
        self.name = "/_\(Self.created.wrappingAdd(1, ordering: .relaxed).oldValue)"
        self.matcher = matcher
    }

    /// The children that this server has at the moment, in no order.
    public var children: [Namespace] { known.withLockedValue { Array($0.values) } }

    /// Adds a middleware to children made from now on, see ``Namespace/use(_:)``.
    public func use(_ middleware: @escaping ConnectMiddleware) {
        registration.withLockedValue { $0.middlewares.append(middleware) }
    }

    /// Adds a handler to children made from now on, see ``Namespace/onConnection(_:)``.
    public func onConnection(_ handler: @escaping @Sendable (Socket) throws -> Void) {
        registration.withLockedValue { $0.handlers.append(.synchronous(handler)) }
    }

    /// Adds an asynchronous handler to children made from now on, see ``Namespace/onConnection(_:)``.
    public func onConnection(_ handler: @escaping @Sendable (Socket) async throws -> Void) {
        registration.withLockedValue { $0.handlers.append(.asynchronous(handler)) }
    }

    /// The policy for slow clients of children made from now on, see ``Namespace/slowClientPolicy``.
    public var slowClientPolicy: SlowClientPolicy? {
        get { registration.withLockedValue { $0.slowClientPolicy } }
        set { registration.withLockedValue { $0.slowClientPolicy = newValue } }
    }

    /// As ``Namespace/alwaysRunMiddlewares()``, for children made from now on.
    package func alwaysRunMiddlewares() { registration.withLockedValue { $0.alwaysRunsMiddlewares = true } }

    // MARK: For the namespace table

    var registrationForChild: ConnectRegistration { registration.withLockedValue { $0 } }

    func matchesAtOnce(_ name: String) -> Bool {
        guard case .pattern(let matches) = matcher else { return false }
        return matches(name)
    }

    func matches(_ name: String, auth: SocketValue) async throws -> Bool {
        switch matcher {
        case .pattern(let matches): matches(name)
        case .function(let accepts): try await accepts(name, auth)
        }
    }

    func add(_ child: Namespace) { known.withLockedValue { $0[ExactName(child.name)] = child } }

    func forget(_ child: Namespace) {
        let key = ExactName(child.name)
        known.withLockedValue { known in
            if known[key] === child { known[key] = nil }
        }
    }
}
