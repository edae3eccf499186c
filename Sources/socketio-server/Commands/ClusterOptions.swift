// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import NIOCore

/// Options of the commands that talk to a cluster from a shell, without serving.
struct ClusterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("YAML file with settings.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("URL of Redis instead of that of the settings; without a password.", valueName: "url"))
    var redis: String?

    @Option(help: ArgumentHelp("Key prefix instead of that of the settings.", valueName: "prefix"))
    var key: String?

    @Option(help: ArgumentHelp("How long to wait for Redis, in milliseconds.", valueName: "ms"))
    var timeoutMs = 5_000

    /// How long to wait for Redis.
    var patience: TimeAmount { .milliseconds(Int64(timeoutMs)) }

    func validate() throws {
        if timeoutMs < 1 || timeoutMs > 3_600_000 { throw ValidationError("--timeout-ms must be 1 to 3600000.") }
    }

    /// Whether the settings name a Redis that several nodes use.
    static func isCluster(_ loaded: LoadedSettings) -> Bool {
        loaded.settings.adapter.isShared || loaded.sources["redis.url"] != nil
    }

    /// What is said when they do not.
    static let noCluster =
        "no cluster: the settings say adapter 'memory', which is one node on its own, and no redis.url; give --config, --redis "
        + "or SOCKETIO_REDIS_URL"

    /// The options that are settings go the way of the flags, with the same checks.
    func load() async throws -> LoadedSettings {
        var flags: [String] = []
        if let redis { flags.append("--redis-url=\(redis)") }
        if let key { flags.append("--redis-key-prefix=\(key)") }
        return try await SettingsOptions.load(config: config, flags: flags)
    }
}
