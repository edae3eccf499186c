// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import NIOCore
internal import SocketIORedis
internal import Testing

@testable internal import socketio_server

@Suite struct RedisSettingsTests {
    @Test(arguments: [
        ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"), ("redis://:geheim@h/1", "redis://:***@h/1"),
        ("redis://ada:geheim@h", "redis://ada:***@h"), ("redis://ada:ge@he/im@h", "redis://ada:***@h"),
        ("redis://geheim@h", "redis://:***@h"), ("ada:geheim@h", "ada:***@h"),
        ("redis+sentinel://a,b/m?sentinelPassword=geheim&db=1", "redis+sentinel://a,b/m?sentinelPassword=***&db=1"),
    ])
    func passwordsInURLsAreMasked(url: String, shown: String) {
        #expect(RedisSettings.masked(url) == shown)
    }

    @Test func theDefaultsAreThoseOfTheLibrary() throws {
        let settings = Settings.Redis()
        let ours = RedisSettings.cluster(settings)
        let library = RedisClusterConfiguration()
        #expect(ours.key == library.key)
        #expect(ours.requestsTimeout == library.requestsTimeout)
        #expect(ours.onRequestTimeout == library.onRequestTimeout)
        #expect(ours.publishOnSpecificResponseChannel == library.publishOnSpecificResponseChannel)
        #expect(ours.outage == library.outage)
        #expect(ours.heartbeatInterval == library.heartbeatInterval)
        #expect(ours.peerTimeout == library.peerTimeout)
        #expect(ours.fetchIncludesHeaders == library.fetchIncludesHeaders)
        #expect(try RedisConfiguration(url: settings.url) == RedisConfiguration())
    }

    @Test func everySettingReachesTheLibrary() async throws {
        let password = try TemporaryFile("geheim\n", name: "password")
        let loaded = try await load(
            yaml: """
                adapter: redis
                redis:
                  url: redis://h:1/2
                  user: ada
                  passwordFile: \(password.path)
                  keyPrefix: ours
                  requestsTimeoutMs: 11
                  onRequestTimeout: partial
                  publishOnSpecificResponseChannel: true
                  fetchIncludesHeaders: false
                  outagePolicy: localOnly
                  outageQueueBytes: 12
                  outageQueueMaxAgeMs: 13
                  heartbeatIntervalMs: 60
                  peerTimeoutMs: 150

                """)
        let redis = try RedisSettings.redis(loaded)
        #expect(redis.endpoint == .tcp(RedisHost(host: "h", port: 1)))
        #expect(redis.database == 2)
        #expect(redis.username == "ada")
        #expect(redis.password == RedisSecret("geheim"))
        let cluster = RedisSettings.cluster(loaded.settings.redis)
        #expect(cluster.key == "ours")
        #expect(cluster.requestsTimeout == .milliseconds(11))
        #expect(cluster.onRequestTimeout == .partial)
        #expect(cluster.publishOnSpecificResponseChannel)
        #expect(!cluster.fetchIncludesHeaders)
        #expect(cluster.outage.mode == .localOnly)
        #expect(cluster.outage.maximumBytes == 12)
        #expect(cluster.outage.maximumAge == .milliseconds(13))
        #expect(cluster.heartbeatInterval == .milliseconds(60))
        #expect(cluster.peerTimeout == .milliseconds(150))
    }

    @Test func secretsAreMaskedInTheListing() async throws {
        let loaded = try await load(
            environment: ["SOCKETIO_REDIS_URL": "redis://ada:geheim@h", "SOCKETIO_REDIS_PASSWORD": "geheim"])
        #expect(!loaded.listing().contains("geheim"))
        #expect(loaded.listing().contains("redis.url: \"redis://ada:***@h\""))
        #expect(loaded.listing().contains("redis.password: ***"))
    }

    @Test(arguments: [
        (["--redis-url", "redis://:geheim@h"], "redis.url: a password is not accepted in a flag"),
        (["--redis-password", "geheim"], "redis.password: not accepted as a flag"),
        (["--redis-peer-timeout-ms", "100", "--redis-heartbeat-interval-ms", "100"], "redis.peerTimeoutMs: must be"),
        (["--redis-key-prefix", "a*"], "redis.keyPrefix: 'a*' is not accepted"),
    ])
    func whatCannotWorkIsRefused(flags: [String], problem: String) async throws {
        let found = try await problems(flags: flags)
        #expect(found.count == 1 && found[0].contains(problem), "\(found)")
        #expect(!found.joined().contains("geheim"))
    }

    @Test(arguments: [
        ("redis: {url: \"http://h\"}", "redis.url: Redis URL: the scheme is none of redis"),
        ("redis: {url: \"redis://ada:geheim/x@h\"}", "redis.url: Redis URL: an @ stands behind a /"),
        ("redis: {user: ada}", "redis.user: needs redis.password or redis.passwordFile"),
        ("redis: {passwordFile: /nowhere}", "redis.passwordFile: no password in '/nowhere'"),
        ("redis: {caFile: /nowhere}", "redis.caFile: needs TLS"),
        ("redis: {url: \"rediss://h\", caFile: /nowhere}", "redis.caFile: no readable file '/nowhere'"),
        ("redis: {url: \"rediss://h\", keyFile: /dev/null}", "redis.keyFile: needs redis.certificateFile"),
    ])
    func whatThePartsRefuseIsASettingsProblem(yaml: String, problem: String) async throws {
        let loaded = try await load(yaml: yaml + "\n")
        let error = try await #require(throws: SettingsError.self) { try await Assembly.check(loaded) }
        #expect(error.problems.count == 1 && error.description.contains(problem), "\(error)")
        #expect(error.description.contains("settings.yaml:1:"))
        #expect(!error.description.contains("geheim"))
    }

    @Test(arguments: [
        ("static", ShardedPubSub.SubscriptionMode.static), ("dynamic", .dynamic), ("dynamic-private", .dynamicPrivate),
    ])
    func theModeOfShardedChannelsReachesTheLibrary(text: String, mode: ShardedPubSub.SubscriptionMode) async throws {
        let loaded = try await load(yaml: "adapter: redis-sharded\nredis: {subscriptionMode: \(text)}\n")
        #expect(RedisSettings.sharded(loaded.settings) == ShardedPubSub(subscriptionMode: mode))
        #expect(RedisSettings.streams(loaded.settings) == nil)
        let classic = try await load(yaml: "adapter: redis\n")
        #expect(RedisSettings.sharded(classic.settings) == nil)
    }

    @Test func sessionsAreSharedWithNodeOverStreamsOnly() async throws {
        let shared = try await load(
            yaml: "adapter: redis-streams\nrecovery: {enabled: true, shareWithNode: true}\nchat: {enabled: false}\n")
        #expect(RedisSettings.streams(shared.settings)?.sharesSessionsWithNode == true)
        #expect(
            RedisSettings.streams(try await load(yaml: "adapter: redis-streams\n").settings)?.sharesSessionsWithNode
                == false)
        for yaml in [
            "adapter: redis\nrecovery: {enabled: true, shareWithNode: true}\n",
            "adapter: redis-streams\nrecovery: {shareWithNode: true}\n",
        ] {
            let error = await #expect(throws: SettingsError.self) { try await load(yaml: yaml) }
            #expect(error.map { "\($0)".contains("recovery.shareWithNode: needs adapter: redis-streams") } == true)
        }
    }

    @Test(arguments: [
        (
            "adapter: redis-streams\nchat: {enabled: false}\n",
            "adapter: redis-streams does not work with a Redis Cluster"
        ),
        (
            "adapter: redis-sharded\nchat: {enabled: false}\ndurableRooms: {enabled: true}\n",
            "durableRooms.enabled: rooms have no history with adapter: redis-sharded on a Redis Cluster"
        ),
        ("adapter: redis-sharded\n", "chat.store: the chat cannot keep its history in a Redis Cluster"),
        ("chat: {store: redis}\n", "chat.store: the chat cannot keep its history in a Redis Cluster"),
    ])
    func whatDoesNotWorkWithARedisClusterIsRefused(yaml: String, problem: String) async throws {
        let error = await #expect(throws: SettingsError.self) {
            _ = try await load(yaml: yaml + "redis: {url: \"redis+cluster://a,b\"}\n")
        }
        #expect(error?.problems.contains { $0.description.contains(problem) } ?? false, "\(error?.problems ?? [])")
    }

    @Test(arguments: ["redis-sharded", "redis"])
    func aRedisClusterIsAccepted(adapter: String) async throws {
        let loaded = try await load(
            yaml: "adapter: \(adapter)\nchat: {store: memory}\nredis: {url: \"rediss+cluster://ada:geheim@a,b:7000\"}\n"
        )
        let redis = try RedisSettings.redis(loaded)
        #expect(redis.endpoint == .cluster([RedisHost(host: "a", port: 6379), RedisHost(host: "b", port: 7000)]))
        #expect(redis.tls != nil && redis.username == "ada")
        #expect(RedisSettings.masked(loaded.settings.redis.url) == "rediss+cluster://ada:***@a,b:7000")
    }
}
