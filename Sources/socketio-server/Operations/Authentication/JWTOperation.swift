// Part of socketio-server, MIT licence; see LICENSE.

internal import Chat
internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOJWT
internal import SocketIOServer

/// Authentication in the life of the process: fetches the key set now and then, tells readiness and log how that goes, and
/// takes other settings and keys while the server runs.
final class JWTOperation: Sendable {
    /// The part of ``Readiness`` this speaks for.
    static let part = "auth"

    private struct State {
        var policy: JWTPolicy
        var ring: TokenKeyRing
        var fetching: Task<Void, Never>?
    }

    private let authentication: TokenAuthentication
    private let readiness: Readiness
    private let logger: Logger
    private let state: NIOLockedValueBox<State>

    init(_ policy: JWTPolicy, readiness: Readiness, logger: Logger) {
        let ring = Self.ring(policy, fetched: .none, readiness, logger)
        authentication = TokenAuthentication(keys: ring, options: Self.logged(policy.options, logger))
        state = NIOLockedValueBox(State(policy: policy, ring: ring))
        self.readiness = readiness
        self.logger = logger
    }

    /// Asks every client of `/` for a token; before the application's own middlewares.
    func protect(_ server: Server) { authentication.protect(server.sockets) }

    /// The same for the namespaces of the chat's communities.
    func protect(_ namespaces: ParentNamespace) { authentication.protect(namespaces) }

    /// Who has logged in, as their token says; nil without a token.
    func login(of socket: Socket) -> ChatLogin? {
        guard let claims = socket.tokenClaims else { return nil }
        return ChatLogin(subject: claims.subject, name: name(of: socket))
    }

    /// The name of a person as their token has it; nil when the settings name no claim, or there is no token.
    func name(of socket: Socket) -> String? {
        guard let claim = state.withLockedValue({ $0.policy.settings.nameClaim }), let claims = socket.tokenClaims
        else {
            return nil
        }
        // A token without the claim gives an empty name, which is refused: nobody chooses one in place of theirs.
        return claims[claim]?.string ?? ""
    }

    /// Begins to fetch the key set, if there is one to fetch.
    func start() {
        let (policy, ring) = state.withLockedValue { ($0.policy, $0.ring) }
        run(policy, ring)
    }

    /// Takes other settings and keys, for tokens that come from now on.
    func apply(_ policy: JWTPolicy) {
        let (isSameSet, fetched) = state.withLockedValue { state in
            (state.policy.settings.jwksUrl == policy.settings.jwksUrl, state.ring.fetched)
        }
        if policy.settings.jwksUrl == nil { readiness.recover(Self.part) }
        let ring = Self.ring(policy, fetched: isSameSet ? fetched : .none, readiness, logger)
        authentication.replace(keys: ring, options: Self.logged(policy.options, logger))
        run(policy, ring)
    }

    /// Fetches no more.
    func stop() {
        state.withLockedValue { $0.fetching }?.cancel()
    }

    private func run(_ policy: JWTPolicy, _ ring: TokenKeyRing) {
        if let url = policy.settings.jwksUrl, url.hasPrefix("http:"), !Self.isLoopback(url) {
            logger.warning("the key set is fetched without TLS: an attacker on the way can log in as any user")
        }
        let task = policy.settings.jwksUrl.map { _ in Task { await ring.run() } }
        let old = state.withLockedValue { state in
            let old = state.fetching
            state = State(policy: policy, ring: ring, fetching: task)
            return old
        }
        old?.cancel()
    }

    /// Says why a token was refused, and nothing of the token.
    private static func logged(_ options: TokenAuthentication.Options, _ logger: Logger) -> TokenAuthentication.Options
    {
        var options = options
        options.onRefusal = { socket, error in
            logger.debug(
                "a token was refused",
                metadata: ["code": "\(error.code.rawValue)", "client": "\(socket.handshake.address)"])
        }
        return options
    }

    // MARK: The key set

    private static func ring(
        _ policy: JWTPolicy, fetched: TokenKeys, _ readiness: Readiness, _ logger: Logger
    ) -> TokenKeyRing {
        let jwt = policy.settings
        guard let url = jwt.jwksUrl else { return TokenKeyRing(policy.keys, algorithms: jwt.algorithms) }
        if fetched.isEmpty { readiness.degrade(part, reason: "the key set has not been fetched yet") }
        let shown = RedisSettings.masked(url)
        let remote = TokenKeyRing.Remote(
            interval: .seconds(jwt.jwksRefreshSeconds), retry: .milliseconds(jwt.jwksRetryMs),
            onFetch: { result in
                switch result {
                case .success(let count):
                    readiness.recover(part)
                    logger.debug("the key set was fetched", metadata: ["url": "\(shown)", "keys": "\(count)"])
                case .failure(let error):
                    readiness.degrade(part, reason: "the key set could not be fetched")
                    logger.warning(
                        "the key set could not be fetched; the keys from before hold",
                        metadata: ["url": "\(shown)", "error": "\(KeySetFetch.text(error))"])
                }
            },
            fetch: { try await KeySetFetch.bytes(of: url) })
        return TokenKeyRing(policy.keys, remote: remote, algorithms: jwt.algorithms, fetched: fetched)
    }

    private static func isLoopback(_ url: String) -> Bool {
        let authority = url.dropFirst("http://".count).prefix { !"/?#".contains($0) }
        let host = authority.split(separator: "@").last ?? ""
        if host.hasPrefix("[::1]") { return true }
        return SettingRules.isLoopback(String(host.prefix { $0 != ":" }))
    }
}
