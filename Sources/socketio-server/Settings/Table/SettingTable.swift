// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging

/// The table of all settings. The checks, the names, the manual and `config/default.yaml` are generated from it.
enum SettingTable {
    /// Settings that belong together, in the order of the manual.
    struct Section: Sendable {
        let title: String
        let settings: [SettingDefinition]
    }

    static let all: [SettingDefinition] = sections.flatMap(\.settings)

    static let byKey: [String: SettingDefinition] =
        Dictionary(all.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })

    static let byFlag: [String: SettingDefinition] = Dictionary(
        all.compactMap { setting in setting.flagName.map { ($0, setting) } }, uniquingKeysWith: { first, _ in first })

    static let byEnvironmentName: [String: SettingDefinition] =
        Dictionary(all.map { ($0.environmentName, $0) }, uniquingKeysWith: { first, _ in first })

    static let sections: [Section] = [
        listener, redis, cluster, engine, socketIO, http, webSocket, cookie, cors, limits, rates, recovery,
        durableRooms, client, tls, auth, permissions,
        chat,
        pages,
        loadControl, overload, operations, api, webhooks, reloading, logs,
    ]

    private static let day = 86_400_000
    private static let longest = Int(Int32.max)

    private static let listener = Section(
        title: "Listener and nodes",
        settings: [
            .text(
                "host", \.host, allowed: "*, an address or a host name, without a port",
                "Address to listen on. `*`, or `::`, is every address of the machine, of IPv4 and of IPv6; `0.0.0.0` is every one "
                    + "of IPv4."
            ) { SettingRules.isListenHost($0) },
            .number("port", \.port, 0...65_535, "TCP port to listen on; 0 takes a free one and logs which."),
            .number(
                "eventLoops", \.eventLoops, 0...64,
                "Threads that serve connections; 0 means one for each core of the machine."),
            .number(
                "shutdownTimeoutMs", \.shutdownTimeoutMs, 0...day, unit: "ms",
                "After SIGTERM or SIGINT and `drain.windowMs`, how long the rest of the shutdown may take before "
                    + "the process ends anyway."
            ),
            .list(
                "trustedProxies", \.trustedProxies,
                "Addresses or networks (`10.0.0.0/8`) of proxies that the server trusts. From their requests it "
                    + "takes the client's address (`X-Forwarded-For`), whether the client uses TLS "
                    + "(`X-Forwarded-Proto`) and the host it asked for (`X-Forwarded-Host`)."
            ),
            .flag(
                "proxyProtocol", \.proxyProtocol,
                "Whether connections of `trustedProxies` begin with a PROXY header, version 1 or 2 (`send-proxy-v2` "
                    + "in HAProxy), that tells the address of the client. A connection without the header is "
                    + "closed."),
            .choice(
                "adapter", \.adapter,
                refusal: { "adapter \($0) is not part of this version" },
                "How nodes share rooms and broadcasts: `memory` runs one node on its own, `redis` joins all nodes "
                    + "that use the same Redis, including Node.js servers with `@socket.io/redis-adapter`. "
                    + "`redis-streams` does the same with a Redis stream, as `@socket.io/redis-streams-adapter`: "
                    + "nothing is lost while a node has no connection to Redis. `redis-sharded` does it by sharded "
                    + "publish/subscribe, as `createShardedAdapter` of Node.js, and needs Redis 7."),
        ])

    private static let engine = Section(
        title: "Engine.IO",
        settings: [
            .text(
                "path", \.path, allowed: "a path that begins with /",
                "Path of the engine on the listener; the `path` option of the clients must be the same."
            ) { SettingRules.isPath($0) },
            .flag(
                "addTrailingSlash", \.addTrailingSlash, "Whether requests carry a `/` after the path, as clients do."),
            .choices(
                "transports", \.transports, "Transports that the server accepts. Upgrades need both."
            ),
            .flag("allowUpgrades", \.allowUpgrades, "Whether clients are told that they may upgrade to WebSocket."),
            .flag(
                "allowEIO3", \.allowEIO3,
                "Whether clients of Engine.IO 3 are accepted, which are those of version 1 and 2. The ids of their sockets are "
                    + "made of the session id, which is a secret: do not show them to other clients."),
            .number(
                "pingIntervalMs", \.pingIntervalMs, 10...day, unit: "ms",
                "Time between a pong, or the opening, and the next ping to a client."),
            .number(
                "pingTimeoutMs", \.pingTimeoutMs, 10...day, unit: "ms",
                "How long a client may take to answer a ping. A proxy in front must allow connections to be silent for "
                    + "`pingIntervalMs` + `pingTimeoutMs`."),
            .number(
                "upgradeTimeoutMs", \.upgradeTimeoutMs, 10...day, unit: "ms",
                "How long an upgrade from polling to WebSocket may take; after that the session stays on polling."),
            .number(
                "maxHttpBufferSize", \.maxHttpBufferSize, 1...1_073_741_824, unit: "bytes",
                "Largest message or polling body a client may send. The handshake announces it as `maxPayload`."),
            .flag(
                "destroyUpgrade", \.destroyUpgrade,
                "Whether connections with upgrade requests for other paths are closed when nothing answers them."),
            .number(
                "destroyUpgradeTimeoutMs", \.destroyUpgradeTimeoutMs, 1...day, unit: "ms",
                "How long such an upgrade request may wait for an answer."),
            .optionalText(
                "nodeTag", \.nodeTag, allowed: "4 characters of A-Z a-z 0-9 - _",
                "First characters of every session id, by which a load balancer can find the node. Without a value "
                    + "the server picks a random tag at each start."
            ) { SettingRules.isNodeTag($0) },
            .optionalText(
                "nodeTagHeader", \.nodeTagHeader, allowed: "the name of a header",
                "Header of handshake responses that carries the node tag, such as `X-SIO-Node`, for load balancers "
                    + "that learn routes from responses."
            ) { SettingRules.isToken($0) },
        ])

    private static let socketIO = Section(
        title: "Socket.IO",
        settings: [
            .choice(
                "parser", \.parser,
                "How clients write their packets: `default` is JSON text, `msgpack` is MessagePack, for clients with "
                    + "`socket.io-msgpack-parser` or python-socketio's `serializer=\"msgpack\"`. With `auto` each client may use "
                    + "either; its first message decides."),
            .number(
                "connectTimeoutMs", \.connectTimeoutMs, 10...day, unit: "ms",
                "How long a client may stay connected without joining a namespace."),
            .optionalNumber(
                "ackTimeoutMs", \.ackTimeoutMs, 1...day, unit: "ms",
                "How long the server waits for a client's acknowledgement where the application names no time; without a "
                    + "value, until the client disconnects."),
            .number(
                "handlerGraceMs", \.handlerGraceMs, 0...3_600_000, unit: "ms",
                "How long the end of the server waits for asynchronous handlers that are running, before it cancels them."
            ),
            .optionalNumber(
                "slowHandlerMs", \.slowHandlerMs, 10...3_600_000, unit: "ms",
                "A handler that holds its event loop longer than about this is named in the log, once; without a value none is."
            ),
            .flag(
                "cancelHandlersAtDisconnect", \.cancelHandlersAtDisconnect,
                "Whether the asynchronous handlers of a client are cancelled when it disconnects."),
            .flag(
                "cleanupEmptyChildNamespaces", \.cleanupEmptyChildNamespaces,
                "Whether a namespace that was created on demand is removed when its last client leaves."),
            .number(
                "maxDynamicNamespaces", \.maxDynamicNamespaces, 0...longest,
                "Largest number of namespaces created on demand that exist at once."),
        ])

    private static let http = Section(
        title: "HTTP compression",
        settings: [
            .flag(
                "httpCompression.enabled", \.httpCompression.enabled,
                "Whether polling responses are compressed for clients that accept it."),
            .number(
                "httpCompression.threshold", \.httpCompression.threshold, 0...longest, unit: "bytes",
                "Responses shorter than this are sent uncompressed."),
            .number(
                "httpCompression.level", \.httpCompression.level, 1...9,
                "Compression level: 1 is the fastest, 9 gives the smallest responses."),
        ])

    private static let webSocket = Section(
        title: "WebSocket compression",
        settings: [
            .flag(
                "perMessageDeflate.enabled", \.perMessageDeflate.enabled,
                "Whether WebSocket messages are compressed for clients that offer `permessage-deflate`. It saves bandwidth "
                    + "and costs processor time."),
            .number(
                "perMessageDeflate.threshold", \.perMessageDeflate.threshold, 0...longest, unit: "bytes",
                "Messages shorter than this are sent uncompressed."),
            .number(
                "perMessageDeflate.level", \.perMessageDeflate.level, 1...9,
                "Compression level: 1 is the fastest, 9 gives the smallest messages."),
        ])

    private static let cookie = Section(
        title: "Cookie",
        settings: [
            .choice(
                "cookie.mode", \.cookie.mode,
                "Cookie that a handshake sets, for load balancers that route by cookie: none, the node tag alone, "
                    + "or the whole session id as in Node.js."),
            .text("cookie.name", \.cookie.name, allowed: "a token of RFC 6265", "Name of the cookie.") {
                SettingRules.isToken($0)
            },
            .text(
                "cookie.path", \.cookie.path, allowed: "a path that begins with /", "Path the cookie is valid for."
            ) { $0.hasPrefix("/") && SettingRules.isCookieText($0) },
            .optionalText(
                "cookie.domain", \.cookie.domain, allowed: "a domain name",
                "Domain the cookie is valid for. Without a value it is valid for the host of the request only."
            ) { !$0.isEmpty && SettingRules.isCookieText($0) },
            .optionalNumber(
                "cookie.maxAgeSeconds", \.cookie.maxAgeSeconds, 0...longest, unit: "s",
                "Lifetime of the cookie. Without a value the browser deletes it when it closes."),
            .flag("cookie.httpOnly", \.cookie.httpOnly, "Whether scripts in the page cannot read the cookie."),
            .choice(
                "cookie.secure", \.cookie.secure,
                "Whether browsers send the cookie over TLS only; `auto` sets this when the client uses TLS, as far "
                    + "as this server or a trusted proxy can tell."),
            .choice(
                "cookie.sameSite", \.cookie.sameSite,
                "Whether browsers send the cookie with requests that come "
                    + "from other sites."),
        ])

    private static let cors = Section(
        title: "CORS",
        settings: [
            .list(
                "cors.origin", \.cors.origin,
                "Origins whose pages may connect, such as `https://example.org`, `null` or `capacitor://localhost`; "
                    + "`*` alone allows all of them. With an empty list only pages of the server's own host and "
                    + "port, as the request names them, may connect. Programs that send no origin may always "
                    + "connect."),
            .list("cors.methods", \.cors.methods, "Methods listed in the response to a preflight request."),
            .list(
                "cors.allowedHeaders", \.cors.allowedHeaders,
                "Headers listed in the response to a preflight request; when empty, those that the request asked "
                    + "for."),
            .list("cors.exposedHeaders", \.cors.exposedHeaders, "Headers of responses that pages may read."),
            .flag("cors.credentials", \.cors.credentials, "Whether pages may send cookies and other credentials."),
            .optionalNumber(
                "cors.maxAgeSeconds", \.cors.maxAgeSeconds, 0...longest, unit: "s",
                "How long browsers may cache the response to a preflight request."),
            .flag(
                "cors.enforce", \.cors.enforce,
                "Whether requests of other origins are refused with 403, also over WebSocket, which browsers do not "
                    + "protect. With `false` the server only sends CORS headers, as Node.js does, and every page "
                    + "may connect over WebSocket."),
        ])

    private static let client = Section(
        title: "Client bundle",
        settings: [
            .flag(
                "client.enabled", \.client.enabled, "Whether `socket.io.js` and its variants are served under `path`."),
            .text(
                "client.directory", \.client.directory, allowed: "a directory",
                "Directory of the client files; `make client` fetches them. A relative path starts at the working "
                    + "directory; the default is also looked for where the server was built or installed."
            ) { !$0.isEmpty },
        ])

    private static let tls = Section(
        title: "TLS",
        settings: [
            .optionalText(
                "tls.certificateFile", \.tls.certificateFile, allowed: "a file",
                "Certificate chain in PEM, the server's own first. With it and `tls.keyFile` the listener speaks TLS only."
            ) { !$0.isEmpty },
            .optionalText("tls.keyFile", \.tls.keyFile, allowed: "a file", "Private key of the certificate, in PEM.") {
                !$0.isEmpty
            },
            .optionalText(
                "tls.keyPassword", \.tls.keyPassword, allowed: "a text", secret: true,
                "Password of the private key, when it has one."
            ) { !$0.isEmpty },
        ])

    private static let pages = Section(
        title: "Health",
        settings: [
            .optionalText(
                "health.path", \.health.path, allowed: "a path that begins with /",
                "Path that answers 200 as long as the process can answer at all. Without a value there is no such "
                    + "path."
            ) { SettingRules.isPath($0) },
            .optionalText(
                "health.readyPath", \.health.readyPath, allowed: "a path that begins with /",
                "Path that answers 200 while new clients may connect and 503 when they should go to another node, "
                    + "with the reasons as JSON. A lost Redis is reported as `degraded`, with status 200."
            ) { SettingRules.isPath($0) },
        ])

    private static let logs = Section(
        title: "Logs",
        settings: [
            .choice("log.level", \.log.level, "Least severe messages that are logged."),
            .choice(
                "log.access", \.log.access,
                "Access log: `sessions` writes a line for each finished session, `requests` also one for each HTTP "
                    + "request and each refused handshake. `log.level` does not affect it."),
            .choice(
                "log.format", \.log.format,
                "`text` for people, or `json` with one object a line for log "
                    + "collectors."),
        ])
}
