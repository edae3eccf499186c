// Part of socketio-server, MIT licence; see LICENSE.

internal import ByteText
internal import NIOCore

extension RedisConfiguration {
    /// Reads a URL:
    ///
    /// - `redis://[[user]:password@]host[:port][/db][?…]`, with TLS `rediss://`
    /// - `redis+unix://[[user]:password@]/path/of/socket[?db=…]`, also `unix://`
    /// - `redis+cluster://[[user]:password@]host[:port][,host…][?…]`, with TLS `rediss+cluster://`
    /// - `redis+sentinel://[[user]:password@]host[:port][,host…]/name[/db][?…]`, with TLS `rediss+sentinel://`
    ///
    /// Parameters: `db`, `clientName`, `connectTimeoutMs`, `commandTimeoutMs`, `pingIntervalMs`; with TLS `caFile`,
    /// `certFile`, `keyFile`, `serverName`, `verify` (`full`, `ca`, `none`); with sentinels `master`, `sentinelUser`,
    /// `sentinelPassword`, `sentinelTls` (`true`, `false`; default as the scheme). Special characters are
    /// percent-encoded. Ports default to 6379, for sentinels 26379.
    ///
    /// - Throws: ``RedisError`` with code `configuration` that names the wrong part, never quoting what could be a
    ///   piece of a password.
    public init(url: String) throws(RedisError) {
        self.init()
        guard let schemeEnd = url.firstRange(ofColonSlashSlash: ()) else {
            throw Self.wrong(
                "there is no scheme; it begins with redis://, rediss://, redis+unix://, redis+cluster:// or redis+sentinel://"
            )
        }
        let scheme = url[..<schemeEnd.lowerBound].lowercased()
        var rest = url[schemeEnd.upperBound...]
        guard !rest.contains("#") else {
            throw Self.wrong("a # must be percent-encoded (%23)")
        }
        var query: Substring = ""
        if let mark = rest.firstIndex(of: "?") {
            query = rest[rest.index(after: mark)...]
            rest = rest[..<mark]
        }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        var authority = rest[..<slash]
        let path = rest[slash...]
        if let at = authority.lastIndex(of: "@") {
            try readCredentials(authority[..<at])
            authority = authority[authority.index(after: at)...]
        } else if path.contains("@") || query.contains("@") && !authority.isEmpty {
            throw Self.wrong("an @ stands behind a / or ?; in user and password / ? # @ : must be percent-encoded")
        }
        switch scheme {
        case "redis", "rediss":
            endpoint = .tcp(try Self.host(authority, defaultPort: 6379))
            try readPath(path, master: nil)
        case "redis+unix", "unix", "redis+socket":
            guard authority.isEmpty else {
                throw Self.wrong("a socket has no host: three slashes, e.g. redis+unix:///run/redis/redis.sock")
            }
            endpoint = .unixSocket(try Self.decoded(path, part: "socket path"))
        case "redis+sentinel", "rediss+sentinel":
            var hosts: [RedisHost] = []
            for part in authority.split(separator: ",", omittingEmptySubsequences: false) {
                hosts.append(try Self.host(part, defaultPort: 26_379))
            }
            var sentinels = RedisSentinels(hosts: hosts, primaryName: "")
            try readPath(path, master: { sentinels.primaryName = $0 })
            endpoint = .sentinel(sentinels)
        case "redis+cluster", "rediss+cluster":
            var hosts: [RedisHost] = []
            for part in authority.split(separator: ",", omittingEmptySubsequences: false) {
                hosts.append(try Self.host(part, defaultPort: 6379))
            }
            endpoint = .cluster(hosts)
            try readPath(path, master: nil)
        default:
            throw Self.wrong(
                "the scheme is none of redis, rediss, redis+unix, redis+cluster, rediss+cluster, redis+sentinel, "
                    + "rediss+sentinel")
        }
        if scheme.hasPrefix("rediss") { tls = RedisTLS() }
        if case .sentinel(var sentinels) = endpoint {
            sentinels.tls = tls
            endpoint = .sentinel(sentinels)
        }
        try readParameters(query)
        if case .sentinel(var sentinels) = endpoint, sentinels.tls != nil, tls != nil {
            // caFile and the like hold for both; a server name is that of the Redis servers.
            let name = sentinels.tls?.serverName
            sentinels.tls = tls
            sentinels.tls?.serverName = name
            endpoint = .sentinel(sentinels)
        }
        do {
            try validate()
        } catch {
            throw Self.wrong(error.message)
        }
    }

    private static func wrong(_ text: String) -> RedisError {
        RedisError(.configuration, "Redis URL: \(text)")
    }

    private mutating func readCredentials(_ text: Substring) throws(RedisError) {
        let colon = text.firstIndex(of: ":")
        let user = text[..<(colon ?? text.endIndex)]
        if !user.isEmpty { username = try Self.decoded(user, part: "user") }
        guard let colon else {
            throw Self.wrong("the password is missing; a password without user is written :password@")
        }
        let secret = text[text.index(after: colon)...]
        guard !secret.isEmpty else { throw Self.wrong("the password is empty") }
        password = RedisSecret(try Self.decoded(secret, part: "password"))
    }

    private static func host(_ text: Substring, defaultPort: Int) throws(RedisError) -> RedisHost {
        guard !text.isEmpty else { throw wrong("a host is missing") }
        guard !text.contains(",") else {
            throw wrong("one host only; several are for redis+cluster:// and redis+sentinel://")
        }
        var name = text
        var port: Substring?
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw wrong("the ] of an IPv6 address is missing") }
            name = text[text.index(after: text.startIndex)..<end]
            let behind = text[text.index(after: end)...]
            guard behind.isEmpty || behind.first == ":" else { throw wrong("behind ] comes :port or nothing") }
            port = behind.isEmpty ? nil : behind.dropFirst()
        } else if let colon = text.firstIndex(of: ":") {
            name = text[..<colon]
            port = text[text.index(after: colon)...]
            guard port?.contains(":") == false else { throw wrong("an IPv6 address stands in [ ]") }
        }
        guard !name.isEmpty else { throw wrong("a host is missing") }
        guard let port else { return RedisHost(host: try decoded(name, part: "host"), port: defaultPort) }
        guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(port),
            (1...65_535).contains(number)
        else { throw wrong("a port is no number from 1 to 65535") }
        return RedisHost(host: try decoded(name, part: "host"), port: number)
    }

    private mutating func readPath(_ path: Substring, master: ((String) -> Void)?) throws(RedisError) {
        var parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        if parts.last?.isEmpty == true { parts.removeLast() }
        if let master, let name = parts.popFirst() { master(try Self.decoded(name, part: "master name")) }
        if let number = parts.popFirst() { database = try Self.number(number, part: "database", 0...Int(Int32.max)) }
        guard parts.isEmpty else { throw Self.wrong("the path has too many parts") }
    }

    private mutating func readParameters(_ query: Substring) throws(RedisError) {
        var seen: Set<String> = []
        for pair in query.split(separator: "&") {
            let equals = pair.firstIndex(of: "=")
            let name = String(pair[..<(equals ?? pair.endIndex)])
            guard let equals else { throw Self.wrong("a parameter has no value") }
            let value = try Self.decoded(pair[pair.index(after: equals)...], part: "a parameter")
            guard seen.insert(name).inserted else { throw Self.wrong("parameter \(Self.shown(name)) stands twice") }
            try readParameter(name, value)
        }
    }

    private mutating func readParameter(_ name: String, _ value: String) throws(RedisError) {
        switch name {
        case "db": database = try Self.number(value, part: name, 0...Int(Int32.max))
        case "clientName": clientName = value
        case "connectTimeoutMs": connectTimeout = try Self.milliseconds(value, part: name)
        case "commandTimeoutMs": commandTimeout = try Self.milliseconds(value, part: name)
        case "pingIntervalMs": pingInterval = try Self.milliseconds(value, part: name)
        case "caFile", "certFile", "keyFile", "serverName", "verify":
            guard tls != nil else {
                throw Self.wrong("parameter \(name) needs rediss://, rediss+cluster:// or rediss+sentinel://")
            }
            try readTLSParameter(name, value)
        case "master", "sentinelUser", "sentinelPassword", "sentinelTls":
            guard case .sentinel(var sentinels) = endpoint else {
                throw Self.wrong("parameter \(name) needs redis+sentinel://")
            }
            switch name {
            case "master": sentinels.primaryName = value
            case "sentinelUser": sentinels.username = value
            case "sentinelPassword": sentinels.password = RedisSecret(value)
            default:
                guard value == "true" || value == "false" else {
                    throw Self.wrong("parameter sentinelTls is true or false")
                }
                sentinels.tls = value == "true" ? tls ?? RedisTLS() : nil
            }
            endpoint = .sentinel(sentinels)
        default:
            throw Self.wrong("parameter \(Self.shown(name)) is not known")
        }
    }

    private mutating func readTLSParameter(_ name: String, _ value: String) throws(RedisError) {
        switch name {
        case "caFile": tls?.caFile = value
        case "certFile": tls?.certificateFile = value
        case "keyFile": tls?.keyFile = value
        case "serverName": tls?.serverName = value
        default:
            guard let verification = RedisTLS.Verification(rawValue: value) else {
                throw Self.wrong("parameter verify is full, ca or none")
            }
            tls?.verification = verification
        }
    }

    /// Names of parameters are quoted only when they look like one: the text could be the end of a password.
    private static func shown(_ name: String) -> String {
        let looksLikeName =
            name.utf8.count <= 24
            && name.utf8.allSatisfy { byte in
                (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte)
            }
        return looksLikeName ? name : "(name with unusual characters)"
    }

    private static func number(_ text: some StringProtocol, part: String, _ range: ClosedRange<Int>)
        throws(RedisError) -> Int
    {
        guard let number = Int(text), range.contains(number) else {
            throw wrong("\(part) is no number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private static func milliseconds(_ text: String, part: String) throws(RedisError) -> Duration {
        .milliseconds(Int64(try number(text, part: "parameter \(part)", 1...3_600_000)))
    }

    private static func decoded(_ text: Substring, part: String) throws(RedisError) -> String {
        var text = text
        guard let bytes = text.withUTF8({ PercentCoding.strictlyDecoded(UnsafeRawBufferPointer($0)) }) else {
            throw wrong("\(part): behind % come two hexadecimal digits")
        }
        guard let decoded = String(validating: bytes, as: UTF8.self), !decoded.utf8.contains(0) else {
            throw wrong("\(part) is not valid UTF-8")
        }
        return decoded
    }
}

extension String {
    fileprivate func firstRange(ofColonSlashSlash: Void) -> Range<String.Index>? {
        guard let colon = firstIndex(of: ":"), self[colon...].hasPrefix("://") else { return nil }
        return colon..<index(colon, offsetBy: 3)
    }
}
