// Part of socketio-server, MIT licence; see LICENSE.

public import HiredisNIO

extension RedisCluster {
    /// A cluster over this Redis. Nothing is connected yet. The longest string that Redis may send is
    /// ``ClusterConfiguration/maxMessageBytes``, whatever `redis.limits` says.
    ///
    /// - Throws: ``ClusterError`` with code `configuration`, or `RedisError` for the connection's own settings.
    public convenience init(
        redis: RedisConfiguration, configuration: RedisClusterConfiguration = RedisClusterConfiguration()
    ) throws {
        var redis = redis
        redis.limits.maximumBulkLength = configuration.maxMessageBytes
        // Names of channel and pattern come along with a message.
        redis.limits.maximumReplyBytes = max(redis.limits.maximumReplyBytes, 2 * configuration.maxMessageBytes)
        try redis.validate()
        if configuration.streams != nil, case .cluster = redis.endpoint {
            throw ClusterError(.configuration, "streams do not work with a Redis Cluster; use sharded")
        }
        let settings = redis
        let isSharded = configuration.sharded != nil
        try self.init(configuration: configuration) { eventLoop, logger in
            RedisTransports.make(settings, isSharded: isSharded, eventLoop: eventLoop, logger: logger)
        }
    }

    /// A cluster over the Redis at this URL, for example `redis://127.0.0.1:6379`.
    ///
    /// - Throws: As ``init(redis:configuration:)``, also for a URL that cannot be used.
    public convenience init(
        url: String, configuration: RedisClusterConfiguration = RedisClusterConfiguration()
    ) throws {
        try self.init(redis: try RedisConfiguration(url: url), configuration: configuration)
    }
}
