// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging

/// Every setting there is: the one place from which the checks, the names, the manual and `config/default.yaml` come.
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
        listener, redis, cluster, engine, socketIO, http, webSocket, cookie, cors, limits, rates, client, tls, auth,
        chat,
        pages,
        loadControl, overload, operations, reloading, logs,
    ]

    private static let day = 86_400_000
    private static let longest = Int(Int32.max)

    private static let listener = Section(
        title: "Listener and nodes",
        settings: [
            .text("host", \.host, allowed: "an address or a host name", "Address to listen on. `0.0.0.0` is every one.")
            {
                !$0.isEmpty && !$0.contains(where: \.isWhitespace)
            },
            .number("port", \.port, 0...65_535, "TCP port to listen on; 0 takes a free one and logs which."),
            .number(
                "eventLoops", \.eventLoops, 0...64,
                "Threads that serve connections; 0 means one for each core of the machine."),
            .number(
                "shutdownTimeoutMs", \.shutdownTimeoutMs, 0...day, unit: "ms",
                "After SIGTERM or SIGINT and `drain.windowMs`, how long the rest may take before the process ends anyway."
            ),
            .list(
                "trustedProxies", \.trustedProxies,
                "Addresses or networks (`10.0.0.0/8`) of proxies whose `X-Forwarded-For` tells the address of a client, "
                    + "`X-Forwarded-Proto` whether it speaks TLS, and `X-Forwarded-Host` which host it asked for."
            ),
            .flag(
                "proxyProtocol", \.proxyProtocol,
                "Whether connections of `trustedProxies` begin with a PROXY header, version 1 or 2 (`send-proxy-v2` in "
                    + "HAProxy), that tells the address of the client; without one they are ended."),
            .choice(
                "adapter", \.adapter,
                later: Dictionary(
                    uniqueKeysWithValues: ["redis-sharded", "redis-streams", "cluster"].map {
                        ($0, "adapter '\($0)' is not part of this version, which has 'memory' and 'redis'")
                    }),
                "How nodes share rooms and broadcasts: `memory` is one node on its own, `redis` joins all nodes that use "
                    + "the same Redis, Node.js servers with `@socket.io/redis-adapter` among them."),
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
                "transports", \.transports, "Transports that are served. Without `polling` there is nothing to upgrade."
            ),
            .flag("allowUpgrades", \.allowUpgrades, "Whether clients are told that they may go on to WebSocket."),
            .number(
                "pingIntervalMs", \.pingIntervalMs, 10...day, unit: "ms",
                "Time between a pong, or the opening, and the next ping to a client."),
            .number(
                "pingTimeoutMs", \.pingTimeoutMs, 10...day, unit: "ms",
                "How long a client may take to answer a ping. A proxy in front must allow connections to be silent for "
                    + "`pingIntervalMs` + `pingTimeoutMs`."),
            .number(
                "upgradeTimeoutMs", \.upgradeTimeoutMs, 10...day, unit: "ms",
                "How long the change from polling to WebSocket may take; after that the session goes on polling."),
            .number(
                "maxHttpBufferSize", \.maxHttpBufferSize, 1...1_073_741_824, unit: "bytes",
                "Largest message or polling body a client may send. Clients are told it as `maxPayload`."),
            .flag(
                "destroyUpgrade", \.destroyUpgrade,
                "Whether upgrade requests for other paths are ended when nothing answers them."),
            .number(
                "destroyUpgradeTimeoutMs", \.destroyUpgradeTimeoutMs, 1...day, unit: "ms",
                "How long such an upgrade request may wait for somebody to answer it."),
            .optionalText(
                "nodeTag", \.nodeTag, allowed: "4 characters of A-Z a-z 0-9 - _",
                "First characters of every session id, by which a load balancer can find the node. Random for each start "
                    + "when there is none."
            ) { SettingRules.isNodeTag($0) },
            .optionalText(
                "nodeTagHeader", \.nodeTagHeader, allowed: "the name of a header",
                "Header of handshake responses that tells the node tag, such as `X-SIO-Node`, for load balancers that "
                    + "learn from answers."
            ) { SettingRules.isToken($0) },
        ])

    private static let socketIO = Section(
        title: "Socket.IO",
        settings: [
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
                "Whether a namespace made on demand is forgotten when its last client leaves."),
            .number(
                "maxDynamicNamespaces", \.maxDynamicNamespaces, 0...longest,
                "Namespaces made on demand that may exist at once."),
        ])

    private static let http = Section(
        title: "HTTP compression",
        settings: [
            .flag(
                "httpCompression.enabled", \.httpCompression.enabled,
                "Whether polling answers are compressed for clients that accept it."),
            .number(
                "httpCompression.threshold", \.httpCompression.threshold, 0...longest, unit: "bytes",
                "Answers shorter than this are sent as they are."),
            .number(
                "httpCompression.level", \.httpCompression.level, 1...9,
                "How hard to compress: 1 is fast, 9 gives the smallest answers."),
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
                "Messages shorter than this are sent as they are."),
            .number(
                "perMessageDeflate.level", \.perMessageDeflate.level, 1...9,
                "How hard to compress: 1 is fast, 9 gives the smallest messages."),
        ])

    private static let cookie = Section(
        title: "Cookie",
        settings: [
            .choice(
                "cookie.mode", \.cookie.mode,
                "Cookie that a handshake sets, for load balancers that route by cookie: none, the node tag alone, or the "
                    + "whole session id, as Node does."),
            .text("cookie.name", \.cookie.name, allowed: "a token of RFC 6265", "Name of the cookie.") {
                SettingRules.isToken($0)
            },
            .text(
                "cookie.path", \.cookie.path, allowed: "a path that begins with /", "Path the cookie is valid for."
            ) { $0.hasPrefix("/") && SettingRules.isCookieText($0) },
            .optionalText(
                "cookie.domain", \.cookie.domain, allowed: "a domain name",
                "Domain the cookie is valid for; without one, the host that was asked."
            ) { !$0.isEmpty && SettingRules.isCookieText($0) },
            .optionalNumber(
                "cookie.maxAgeSeconds", \.cookie.maxAgeSeconds, 0...longest, unit: "s",
                "Lifetime of the cookie; without one it ends with the browser."),
            .flag("cookie.httpOnly", \.cookie.httpOnly, "Whether scripts in the page cannot read the cookie."),
            .choice(
                "cookie.secure", \.cookie.secure,
                "Whether browsers send the cookie over TLS only; `auto` means when the client did, as far as this server or a "
                    + "trusted proxy can tell."),
            .choice(
                "cookie.sameSite", \.cookie.sameSite, "Whether the cookie goes along with requests of other sites."),
        ])

    private static let cors = Section(
        title: "CORS",
        settings: [
            .list(
                "cors.origin", \.cors.origin,
                "Origins whose pages may connect, such as `https://example.org`, `null` or `capacitor://localhost`; `*` alone "
                    + "is all of them. An empty list is the pages of the host and port that a request itself is for, the "
                    + "server's own. Programs, which send no origin, may always connect."),
            .list("cors.methods", \.cors.methods, "Methods that a preflight request is told."),
            .list(
                "cors.allowedHeaders", \.cors.allowedHeaders,
                "Headers that a preflight request is told; when empty, those it asked for."),
            .list("cors.exposedHeaders", \.cors.exposedHeaders, "Headers of the answers that pages may read."),
            .flag("cors.credentials", \.cors.credentials, "Whether pages may send cookies and credentials along."),
            .optionalNumber(
                "cors.maxAgeSeconds", \.cors.maxAgeSeconds, 0...longest, unit: "s",
                "How long browsers may keep the answer to a preflight request."),
            .flag(
                "cors.enforce", \.cors.enforce,
                "Whether requests of other origins are refused with 403, also over WebSocket, which browsers do not protect. "
                    + "With `false` there is only CORS, as in Node.js, and every page may connect."),
        ])

    private static let client = Section(
        title: "Client bundle",
        settings: [
            .flag(
                "client.enabled", \.client.enabled, "Whether `socket.io.js` and its variants are served under `path`."),
            .text(
                "client.directory", \.client.directory, allowed: "a directory",
                "Where the client files are; `make client` fetches them. A relative path starts at the working directory."
            ) { !$0.isEmpty },
            .text(
                "client.version", \.client.version, allowed: "letters, digits, dots, - and +",
                "Version of the client files, sent as their ETag."
            ) { SettingRules.isVersion($0) },
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
                "Path that answers 200 as long as the server works; nothing turns it off."
            ) { SettingRules.isPath($0) },
            .optionalText(
                "health.readyPath", \.health.readyPath, allowed: "a path that begins with /",
                "Path that answers 200 while new clients may come and 503 when they should go to another node, with the "
                    + "reasons as JSON. A lost Redis is told as `degraded`, which is 200."
            ) { SettingRules.isPath($0) },
        ])

    private static let logs = Section(
        title: "Logs",
        settings: [
            .choice("log.level", \.log.level, "Least severe messages that are logged."),
            .choice(
                "log.access", \.log.access,
                "One more line for each finished session, or besides for each HTTP request and each refused handshake, "
                    + "whatever `log.level` says."),
            .choice("log.format", \.log.format, "Lines for people, or one JSON object a line for log collectors."),
        ])
}
