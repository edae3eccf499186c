// Part of socketio-server, MIT licence; see LICENSE.

/// A password that does not show itself: descriptions, dumps and interpolation give `***`.
public struct RedisSecret: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible,
    CustomDebugStringConvertible, CustomReflectable
{
    package let value: String

    /// Wraps a password.
    public init(_ value: String) {
        self.value = value
    }

    /// Wraps a password written in code.
    public init(stringLiteral value: String) {
        self.value = value
    }

    /// Always `***`.
    public var description: String { "***" }
    /// Always `***`.
    public var debugDescription: String { "***" }
    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}

/// A TCP address of a Redis server or sentinel.
public struct RedisHost: Sendable, Hashable, CustomStringConvertible {
    /// Name or address; IPv6 without brackets.
    public var host: String
    /// 1…65535.
    public var port: Int

    /// Makes an address.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// `host:port`, IPv6 in brackets.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Where Redis is, how to log in, and how patient to be.
///
/// From a URL with ``init(url:)`` or member by member. Its description shows no password.
public struct RedisConfiguration: Sendable, Hashable {
    /// Where to connect.
    public enum Endpoint: Sendable, Hashable {
        /// One server.
        case tcp(RedisHost)
        /// One server on this machine, by the path of its socket.
        case unixSocket(String)
        /// The primary that these sentinels name.
        case sentinel(RedisSentinels)
        /// A Redis Cluster. These servers, or one of them, are asked for the others first.
        case cluster([RedisHost])
    }

    /// Where to connect. Default `127.0.0.1:6379`.
    public var endpoint: Endpoint
    /// ACL user; nil means `default`. Needs Redis 6.
    public var username: String?
    /// Password; nil means no AUTH is sent.
    public var password: RedisSecret?
    /// Database number for keys, default 0; pub/sub knows no databases.
    public var database: Int = 0
    /// Name shown by `CLIENT LIST`; nil means none is set. No spaces.
    public var clientName: String? = "socketio-server"
    /// TLS, or nil for plain text.
    public var tls: RedisTLS?
    /// Time for TCP and TLS to be established, default 2 s.
    public var connectTimeout: Duration = .seconds(2)
    /// Time for the reply to a command (also to the log-in), default 5 s. Publishes without a callback have none.
    public var commandTimeout: Duration = .seconds(5)
    /// Distance of health checks, default 3 s. A dead link is given up after at most twice this time.
    public var pingInterval: Duration = .seconds(3)
    /// Shortest and longest time between two attempts to connect, default 50 ms and 5 s.
    public var minimumReconnectDelay: Duration = .milliseconds(50)
    /// See ``minimumReconnectDelay``.
    public var maximumReconnectDelay: Duration = .seconds(5)
    /// Bytes that may wait to be written, default 16 MiB. Over it publishes are refused and commands fail.
    public var maximumBacklogBytes: Int = 16 << 20
    /// Commands and publishes that may wait for their reply, default 262,144.
    public var maximumUnansweredCommands: Int = 262_144
    /// Commands that may wait for a connection, default 1,024. Further ones fail with code `overloaded`.
    public var maximumWaitingCommands: Int = 1024
    /// Bytes of the commands that may wait for a connection, default 64 MiB. Further ones fail with code `overloaded`.
    public var maximumWaitingBytes: Int = 64 << 20
    /// Limits on what the server may send.
    public var limits: RESPLimits = RESPLimits()

    /// A configuration for an endpoint, everything else at its default.
    public init(endpoint: Endpoint = .tcp(RedisHost(host: "127.0.0.1", port: 6379))) {
        self.endpoint = endpoint
    }

    /// Checks all values.
    ///
    /// - Throws: ``RedisError`` with code `configuration` that lists every wrong value.
    public func validate() throws(RedisError) {
        var problems: [String] = []
        switch endpoint {
        case .tcp(let host):
            problems += host.problems
        case .unixSocket(let path):
            if path.isEmpty || path.utf8.count > 103 { problems.append("the socket path must have 1…103 bytes") }
        case .sentinel(let sentinels):
            if sentinels.hosts.isEmpty { problems.append("at least one sentinel is needed") }
            problems += sentinels.hosts.flatMap(\.problems)
            if sentinels.primaryName.isEmpty { problems.append("the name of the primary is missing") }
        case .cluster(let hosts):
            if hosts.isEmpty { problems.append("at least one server of the cluster is needed") }
            problems += hosts.flatMap(\.problems)
            if database != 0 { problems.append("a Redis Cluster has the database 0 only") }
        }
        if username != nil, password == nil { problems.append("a user needs a password") }
        if username?.isEmpty == true { problems.append("the user is empty") }
        if database < 0 { problems.append("the database must not be negative") }
        if let clientName, clientName.isEmpty || !clientName.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) {
            problems.append("clientName must be printable ASCII without spaces")
        }
        for (name, amount) in [
            ("connectTimeout", connectTimeout), ("commandTimeout", commandTimeout), ("pingInterval", pingInterval),
            ("minimumReconnectDelay", minimumReconnectDelay), ("maximumReconnectDelay", maximumReconnectDelay),
        ] where amount < .milliseconds(1) || amount > .seconds(3_600) {
            problems.append("\(name) must be 1 ms … 1 h")
        }
        if maximumReconnectDelay < minimumReconnectDelay {
            problems.append("maximumReconnectDelay must not be less than minimumReconnectDelay")
        }
        if maximumBacklogBytes < 1 { problems.append("maximumBacklogBytes must be positive") }
        if maximumWaitingCommands < 1 { problems.append("maximumWaitingCommands must be positive") }
        if maximumWaitingBytes < 1 { problems.append("maximumWaitingBytes must be positive") }
        if maximumUnansweredCommands < 1 { problems.append("maximumUnansweredCommands must be positive") }
        if limits.maximumBulkLength < 1 || limits.maximumReplyBytes < limits.maximumBulkLength {
            problems.append("limits.maximumBulkLength must be 1…maximumReplyBytes")
        }
        if limits.maximumElements < 1 || limits.maximumLineLength < 64 || !(1...9).contains(limits.maximumDepth) {
            problems.append("limits: elements from 1, line length from 64, depth 1…9")
        }
        if let tls { problems += tls.problems }
        guard problems.isEmpty else {
            throw RedisError(.configuration, problems.joined(separator: "; "))
        }
    }
}

/// The sentinels of a primary.
public struct RedisSentinels: Sendable, Hashable {
    /// Asked in this order; the one that answered last is asked first.
    public var hosts: [RedisHost]
    /// The name the sentinels know the primary by, e.g. `mymaster`.
    public var primaryName: String
    /// ACL user of the sentinels themselves.
    public var username: String?
    /// Password of the sentinels themselves; nil means no AUTH is sent to them.
    public var password: RedisSecret?
    /// TLS towards the sentinels, or nil for plain text.
    public var tls: RedisTLS?

    /// Makes a list of sentinels.
    public init(hosts: [RedisHost], primaryName: String) {
        self.hosts = hosts
        self.primaryName = primaryName
    }
}

extension RedisHost {
    fileprivate var problems: [String] {
        var problems: [String] = []
        if host.isEmpty { problems.append("a host name is empty") }
        if !(1...65_535).contains(port) { problems.append("a port must be 1…65535") }
        return problems
    }
}

extension RedisConfiguration: CustomStringConvertible, CustomDebugStringConvertible {
    /// The URL without user, password and parameters, e.g. `rediss://redis.example:6379/2`.
    public var description: String {
        let suffix = database == 0 ? "" : "/\(database)"
        switch endpoint {
        case .tcp(let host):
            return "\(tls == nil ? "redis" : "rediss")://\(host)\(suffix)"
        case .unixSocket(let path):
            return "redis+unix://\(path)"
        case .sentinel(let sentinels):
            let hosts = sentinels.hosts.map(\.description).joined(separator: ",")
            return "\(tls == nil ? "redis" : "rediss")+sentinel://\(hosts)/\(sentinels.primaryName)\(suffix)"
        case .cluster(let hosts):
            return "\(tls == nil ? "redis" : "rediss")+cluster://\(hosts.map(\.description).joined(separator: ","))"
        }
    }

    /// As ``description``.
    public var debugDescription: String { description }
}
