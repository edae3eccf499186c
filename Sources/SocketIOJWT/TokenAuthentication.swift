// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import LoopConfinement
internal import Metrics
internal import NIOConcurrencyHelpers
internal import NIOHTTP1
internal import SocketIOCore
public import SocketIOServer

/// Lets sockets in that show a JSON Web Token, and out when it ends.
///
/// ```swift
/// let keys = try await TokenKeys.pem(pem, algorithms: [.rs256])
/// let authentication = TokenAuthentication(keys: TokenKeyRing(keys))
/// authentication.protect(io.sockets)
/// io.onConnection { socket in print(socket.tokenClaims?.subject ?? "anonymous") }
/// ```
///
/// Call ``protect(_:)-(Namespace)`` before other middlewares and handlers are added: they run in this order. A refused
/// client gets `connect_error` with the message and `data: {code}` of ``TokenError``.
///
/// | event | from | meaning |
/// | --- | --- | --- |
/// | `token_expiring` | server | `{expiresAt, disconnectAt}`, milliseconds since 1970 |
/// | `token_renew` (token) | client | a fresh token about the same subject; the answer is `{expiresAt}`, or `{error: {message, data: {code}}}` |
/// | `token_expired` | server | sent before the socket is disconnected |
///
/// A token is verified when a socket connects and when it is renewed. Keys that are taken away later end no connections.
public final class TokenAuthentication: Sendable {
    private struct Policy {
        var keys: TokenKeyRing
        var options: Options
    }

    private let policy: NIOLockedValueBox<Policy>
    private let refusals: [TokenError.Code: Counter]
    private let expiries = Counter(label: "socketio_auth_expired_total")

    /// With some keys and options.
    public init(keys: TokenKeyRing, options: Options = Options()) {
        policy = NIOLockedValueBox(Policy(keys: keys, options: options))
        refusals = Dictionary(
            uniqueKeysWithValues: TokenError.Code.allCases.map { code in
                (code, Counter(label: "socketio_auth_refused_total", dimensions: [("code", code.rawValue)]))
            })
    }

    /// Other keys and options, for tokens that come from now on.
    public func replace(keys: TokenKeyRing, options: Options) {
        policy.withLockedValue { $0 = Policy(keys: keys, options: options) }
    }

    /// Asks every socket of a namespace for a token.
    public func protect(_ namespace: Namespace) {
        namespace.alwaysRunMiddlewares()
        namespace.use { socket in try await self.admit(socket) }
        namespace.onConnection { socket in self.watch(socket) }
    }

    /// As for a namespace, for all that are made from this parent.
    public func protect(_ parent: ParentNamespace) {
        parent.alwaysRunMiddlewares()
        parent.use { socket in try await self.admit(socket) }
        parent.onConnection { socket in self.watch(socket) }
    }

    // MARK: Coming

    private func admit(_ socket: Socket) async throws {
        let options = policy.withLockedValue { $0.options }
        do {
            guard let token = try Self.token(of: socket, options) else {
                guard options.isRequired else { return }
                throw TokenError(.missing)
            }
            accept(try await verify(token), for: socket, options)
        } catch let error as TokenError {
            throw refused(error, socket, options)
        }
    }

    private func refused(_ error: TokenError, _ socket: Socket, _ options: Options) -> TokenError {
        refusals[error.code]?.increment()
        options.onRefusal?(socket, error)
        return error
    }

    private func accept(_ claims: TokenClaims, for socket: Socket, _ options: Options) {
        socket.set(claims)
        socket.rateIdentity = claims.subject
        guard let field = options.dataField else { return }
        socket.withData { $0.set(claims.value, for: field) }
    }

    private func verify(_ token: String) async throws -> TokenClaims {
        let policy = policy.withLockedValue { $0 }
        let rules = policy.options.rules
        do {
            return try TokenVerifier(keys: policy.keys.keys, rules: rules).verify(token, now: Self.now)
        } catch {
            guard error.code == .unknownKey || error.code == .unavailable, await policy.keys.refresh() else {
                throw error
            }
            return try TokenVerifier(keys: policy.keys.keys, rules: rules).verify(token, now: Self.now)
        }
    }

    static var now: Double { Date().timeIntervalSince1970 }

    /// What the client shows, wherever it may; nil when it shows nothing.
    private static func token(of socket: Socket, _ options: Options) throws(TokenError) -> String? {
        let handshake = socket.handshake
        if let value = handshake.auth[options.authField], !value.isNull {
            guard let token = value.string else { throw TokenError(.malformed) }
            return token
        }
        if options.readsHeader, let header = handshake.headers.first(name: "Authorization") {
            let words = header.split(byte: UInt8(ascii: " "), maxSplits: 1)
            if words.count == 2, words[0].equalsIgnoringASCIICase("bearer") { return String(words[1].trimmingBlanks) }
        }
        return options.queryParameter.flatMap { handshake.query[$0] }
    }

    // MARK: Staying

    private func watch(_ socket: Socket) {
        guard let claims = socket.tokenClaims else { return }
        let lease = LoopReference(sending: TokenLease(socket) { self.expiries.increment() })
        let options = policy.withLockedValue { $0.options }
        lease.run { $0.hold(claims, options) }
        socket.onDisconnect { (_: DisconnectReason) in lease.run { $0.cancel() } }
        socket.on("token_renew") { (token: String) async throws -> SocketValue in
            try await self.renew(token, of: socket, lease)
        }
    }

    private func renew(_ token: String, of socket: Socket, _ lease: LoopReference<TokenLease>) async throws
        -> SocketValue
    {
        let options = policy.withLockedValue { $0.options }
        do {
            let claims = try await verify(token)
            guard claims.value["sub"] == socket.tokenClaims?.value["sub"] else { throw TokenError(.subject) }
            accept(claims, for: socket, options)
            lease.run { $0.hold(claims, options) }
            return ["expiresAt": claims.expiresAt.map { .int(TokenLease.milliseconds($0)) } ?? .null]
        } catch let error as TokenError {
            throw refused(error, socket, options)
        }
    }
}

extension Socket {
    /// What the socket's token says; nil without one. For sockets that ``TokenAuthentication`` has let in.
    public var tokenClaims: TokenClaims? { self.get(TokenClaims.self) }
}

extension SocketValue {
    /// Sets one member; anything but an object becomes one.
    fileprivate mutating func set(_ value: SocketValue, for key: String) {
        var object = object ?? SocketObject()
        object[key] = value
        self = .object(object)
    }
}
