// Part of socketio-server, MIT licence; see LICENSE.

// Nothing else: the package is built with MemberImportVisibility, so this file does not compile if an application needs more.
import SocketIORedis
import SocketIOServer
import Testing

@Suite struct OneImportTests {
    @Test("an application imports the server and its cluster, and can make every setting")
    func application() async throws {
        var redis = RedisConfiguration(endpoint: .tcp(RedisHost(host: "127.0.0.1", port: 1)))
        redis.username = "chat"
        redis.password = RedisSecret("password")
        redis.connectTimeout = .milliseconds(200)
        redis.commandTimeout = .seconds(1)
        redis.pingInterval = .seconds(1)
        redis.minimumReconnectDelay = .milliseconds(50)
        redis.maximumReconnectDelay = .seconds(1)
        redis.limits.maximumDepth = 8
        var sentinels = RedisSentinels(hosts: [RedisHost(host: "127.0.0.1", port: 1)], primaryName: "primary")
        sentinels.password = redis.password
        var other = RedisConfiguration(endpoint: .sentinel(sentinels))
        other.tls = RedisTLS()
        try other.validate()
        var cluster = RedisClusterConfiguration()
        cluster.requestsTimeout = .seconds(2)
        cluster.heartbeatInterval = .milliseconds(500)
        cluster.peerTimeout = .seconds(2)
        cluster.outage = OutagePolicy(mode: .buffer, maximumAge: .seconds(5), replayGrace: .milliseconds(100))
        cluster.secret = ForwardingKey("sixteen bytes it has")
        cluster.onRequestTimeout = .partial
        try cluster.validate()
        #expect(throws: RedisError.self) { try RedisConfiguration(url: "nonsense") }
        let connection = try RedisCluster(redis: redis, configuration: cluster)
        var configuration = ServerConfiguration()
        configuration.adapter = connection.adapter
        var forwarding = ForwardingConfiguration(directory: connection)
        forwarding.timeout = .seconds(1)
        configuration.engine.forwarding = forwarding
        let io = Server(configuration: configuration)
        #expect(io.configuration.engine.forwarding?.timeout == .seconds(1))
        await io.close()
    }
}
