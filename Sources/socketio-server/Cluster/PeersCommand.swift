// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import NIOCore
internal import NIOPosix
internal import SocketIORedis

/// `peers`: who is in a cluster, from a shell.
struct PeersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peers",
        abstract: "List the nodes of a cluster over Redis.",
        discussion: """
            Listens to the nodes' heartbeats, without taking part, until every node
            that Redis knows of has been heard, which takes up to one heartbeat
            (redis.heartbeatIntervalMs). Where Redis is comes from the settings
            redis.* of the file, SOCKETIO_CONFIG and the environment, as for 'emit'.

            Examples:
              socketio-server peers
              socketio-server peers --config /etc/socketio/socketio.yaml
              socketio-server peers --redis redis://10.0.0.5:6379 --key shop --json

            Exit codes: 0 there are nodes, 1 Redis could not be reached, 2 there are
            none, 64 wrong usage, 78 wrong settings.
            """)

    @Option(help: ArgumentHelp("YAML file with settings.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("URL of Redis instead of that of the settings; without a password.", valueName: "url"))
    var redis: String?

    @Option(help: ArgumentHelp("Key prefix instead of that of the settings.", valueName: "prefix"))
    var key: String?

    @Flag(help: "Print one JSON object instead of a table.")
    var json = false

    @Option(help: ArgumentHelp("How long to wait for Redis, in milliseconds.", valueName: "ms"))
    var timeoutMs = 5_000

    func validate() throws {
        if timeoutMs < 1 || timeoutMs > 3_600_000 { throw ValidationError("--timeout-ms must be 1 to 3600000.") }
    }

    func run() async throws {
        var flags: [String] = []
        if let redis { flags.append("--redis-url=\(redis)") }
        if let key { flags.append("--redis-key-prefix=\(key)") }
        let loaded = try await SettingsOptions.load(config: config, flags: flags)
        let settings = loaded.settings.redis
        guard loaded.settings.adapter == .redis || loaded.sources["redis.url"] != nil else {
            StandardError.write(
                "no cluster: the settings say adapter 'memory', which is one node on its own, and no redis.url; give "
                    + "--config, --redis or SOCKETIO_REDIS_URL\n")
            throw ExitCode.wrongSettings
        }
        let picture: ClusterObserver.Picture
        do {
            // A little longer than a node may need between two heartbeats.
            picture = try await ClusterObserver.look(
                redis: try RedisSettings.redis(loaded), key: settings.keyPrefix,
                within: .milliseconds(Int64(settings.heartbeatIntervalMs + settings.heartbeatIntervalMs / 2 + 250)),
                patience: .milliseconds(Int64(timeoutMs)), eventLoop: MultiThreadedEventLoopGroup.singleton.next())
        } catch let error as SettingsError {
            StandardError.write("\(error)\n")
            throw ExitCode.wrongSettings
        } catch {
            StandardError.write("Redis at \(RedisSettings.masked(settings.url)) could not be asked: \(error)\n")
            throw ExitCode.failure
        }
        print(json ? PeersReport.json(picture) : PeersReport.table(picture), terminator: "")
        guard picture.nodes.isEmpty else { return }
        StandardError.write(
            "no node was heard on this Redis with the key prefix '\(settings.keyPrefix.escapingControlCharacters())' "
                + "within a heartbeat\n")
        throw ExitCode(2)
    }
}
