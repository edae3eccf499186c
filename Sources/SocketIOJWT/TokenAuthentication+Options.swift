// Part of socketio-server, MIT licence; see LICENSE.

public import SocketIOServer

extension TokenAuthentication {
    /// Where tokens are looked for, and what becomes of their ends.
    public struct Options: Sendable {
        /// What must hold for a token.
        public var rules = TokenRules()
        /// Whether clients without a token are refused; default true. A bad token is refused in any case.
        public var isRequired = true
        /// The member of the client's `auth` that holds the token; default `token`.
        public var authField = "token"
        /// Whether `Authorization: Bearer …` of the first request is looked at when `auth` has no token; default true.
        public var readsHeader = true
        /// A query parameter of the first request that is looked at after the others; default nil, none: addresses end
        /// up in the logs of proxies.
        public var queryParameter: String?
        /// The member of `socket.data` that holds the claims; default `claims`. Nil keeps them out of `socket.data`, which
        /// other servers can see; `socket.tokenClaims` has them all the same.
        public var dataField: String? = "claims"
        /// How long before its token ends a client gets `token_expiring`; default 60 s, zero for never.
        public var warning = Duration.seconds(60)
        /// How long after the end of its token a client stays connected; default 10 s. The leeway of the rules is added.
        public var grace = Duration.seconds(10)

        /// Hears of every token that is refused, on the socket's event loop, for a log; must not block. Default nil.
        public var onRefusal: (@Sendable (Socket, TokenError) -> Void)?

        /// All defaults.
        public init() {}
    }
}
