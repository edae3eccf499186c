// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import Testing

@testable import HiredisNIO

@Suite("RedisConfiguration")
struct RedisConfigurationTests {
    @Test("Reads URLs of one server")
    func single() throws {
        let plain = try RedisConfiguration(url: "redis://cache.example")
        #expect(plain.endpoint == .tcp(RedisHost(host: "cache.example", port: 6379)))
        #expect(plain.password == nil && plain.tls == nil && plain.database == 0)

        let full = try RedisConfiguration(
            url: "rediss://io:p%40ss%2F@[::1]:6380/3?clientName=n1&connectTimeoutMs=100&commandTimeoutMs=200"
                + "&pingIntervalMs=300&caFile=/a%20b.pem&certFile=c&keyFile=k&serverName=redis.example&verify=ca")
        #expect(full.endpoint == .tcp(RedisHost(host: "::1", port: 6380)))
        #expect(full.username == "io" && full.password == "p@ss/" && full.database == 3 && full.clientName == "n1")
        #expect(full.connectTimeout == .milliseconds(100) && full.commandTimeout == .milliseconds(200))
        #expect(full.pingInterval == .milliseconds(300))
        var tls = RedisTLS()
        tls.caFile = "/a b.pem"
        tls.certificateFile = "c"
        tls.keyFile = "k"
        tls.serverName = "redis.example"
        tls.verification = .ca
        #expect(full.tls == tls)
        #expect(full.description == "rediss://[::1]:6380/3")

        let noUser = try RedisConfiguration(url: "redis://:secret@h:1/?db=9")
        #expect(noUser.username == nil && noUser.password == "secret" && noUser.database == 9)
    }

    @Test("Reads URLs of sockets and sentinels")
    func others() throws {
        for scheme in ["redis+unix", "unix"] {
            let unix = try RedisConfiguration(url: "\(scheme)://u:p@/run/redis/r%20s.sock?db=2")
            #expect(unix.endpoint == .unixSocket("/run/redis/r s.sock"))
            #expect(unix.username == "u" && unix.database == 2)
        }
        let sentinel = try RedisConfiguration(
            url: "rediss+sentinel://u:p@s1,s2:26380,[::1]:3/mymaster/4?sentinelUser=w&sentinelPassword=q&caFile=ca")
        guard case .sentinel(let sentinels) = sentinel.endpoint else { throw TestFailure("no sentinels") }
        #expect(sentinels.hosts.map(\.description) == ["s1:26379", "s2:26380", "[::1]:3"])
        #expect(sentinels.primaryName == "mymaster" && sentinel.database == 4)
        #expect(sentinels.username == "w" && sentinels.password == "q" && sentinels.tls?.caFile == "ca")
        #expect(sentinel.description == "rediss+sentinel://s1:26379,s2:26380,[::1]:3/mymaster/4")
        let byName = try RedisConfiguration(url: "redis+sentinel://s1?master=m")
        guard case .sentinel(let named) = byName.endpoint else { throw TestFailure("no sentinels") }
        #expect(named.primaryName == "m" && named.tls == nil)
        let mixed = try RedisConfiguration(url: "rediss+sentinel://s1/m?sentinelTls=false")
        guard case .sentinel(let plain) = mixed.endpoint else { throw TestFailure("no sentinels") }
        #expect(plain.tls == nil && mixed.tls != nil)
    }

    @Test(
        "Names the wrong part and never quotes the password",
        arguments: [
            ("localhost:6379", "scheme"), ("http://:hunter2@h", "scheme"), ("redis://", "host"),
            ("redis://:hunter2@", "host"), ("redis://:hunter2@h:x", "port"), ("redis://:hunter2@h:0", "port"),
            ("redis://:hunter2@h:65536", "port"), ("redis://:hunter2@h:", "port"),
            ("redis://:hunter2/x@h", "percent-encoded"), ("redis://:hunter2#x@h", "percent-encoded"),
            ("redis://:hunter2?x@h", "percent-encoded"), ("redis://u:@h", "password"),
            ("redis://hunter2@h", "password"),
            ("redis://:hunter2%zz@h", "password"), ("redis://:hunter2%ff@h", "password"), ("redis://::1", "[ ]"),
            ("redis://[::1", "]"), ("redis://[::1]x", "]"), ("redis://a,b", "sentinel"), ("redis://h/x", "database"),
            ("redis://h/-1", "database"), ("redis://h/1/2", "path"), ("redis://h?db=99999999999", "db"),
            ("redis://h?hunter2%40=1", "not known"), ("redis://h?nope=1", "nope"), ("redis://h?db", "value"),
            ("redis://h?db=1&db=2", "twice"), ("redis://h?caFile=x", "rediss"), ("redis://h?master=x", "sentinel"),
            ("rediss://h?verify=no", "verify"), ("rediss://h?certFile=x", "keyFile"),
            ("redis://h?connectTimeoutMs=0", "connectTimeoutMs"), ("redis://h?clientName=a%20b", "clientName"),
            ("redis+unix://host/x", "three slashes"), ("redis+unix://", "path"), ("redis+sentinel://a,/m", "host"),
            ("redis+sentinel://a", "primary"), ("redis+sentinel://a/m?sentinelPassword=hunter2&sentinelTls=1", "true"),
        ])
    func wrong(url: String, part: String) {
        let error = #expect(throws: RedisError.self) { try RedisConfiguration(url: url) }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("hunter2") == false)
    }

    @Test("Never shows a password")
    func redaction() throws {
        let configuration = try RedisConfiguration(
            url: "redis+sentinel://io:hunter2@s1/m?sentinelPassword=hunter2")
        var dumped = ""
        dump(configuration, to: &dumped)
        var texts = [dumped, "\(configuration)", String(reflecting: configuration), String(describing: configuration)]
        texts.append(String(reflecting: configuration.endpoint))
        texts.append("\(configuration.password as Any) \(String(reflecting: configuration.password))")
        for text in texts { #expect(!text.contains("hunter2")) }
        #expect(dumped.contains("pingInterval"))
    }

    @Test("Random URLs give a configuration that can be used, or an error that says so", arguments: 0..<300)
    func random(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let tokens = [
            "redis", "rediss", "+sentinel", "+unix", "://", ":", "/", "@", "?", "&", "=", "%", "%41", "[", "]", ",",
            "h", "1", "99999999999999999999", "db", "\u{e9}", "#", "-",
        ]
        let url = (0..<Int.random(in: 0..<14, using: &random))
            .map { _ in tokens.randomElement(using: &random) ?? "" }.joined()
        for url in [url, "redis://" + url] {
            do {
                let configuration = try RedisConfiguration(url: url)
                #expect(throws: Never.self, "\(url)") { try configuration.validate() }
            } catch {
                #expect(error.code == .configuration && !error.message.isEmpty, "\(url)")
            }
        }
    }
}
