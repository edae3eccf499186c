// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import EngineIOServer
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

    @OptionGroup var cluster: ClusterOptions

    @Flag(help: "Print one JSON object instead of a table.")
    var json = false

    func run() async throws {
        let loaded = try await cluster.load()
        let settings = loaded.settings.redis
        guard ClusterOptions.isCluster(loaded) else {
            StandardError.write(ClusterOptions.noCluster + "\n")
            throw ExitCode.wrongSettings
        }
        let observation: ClusterObserver.Observation
        do {
            // A little longer than a node may need between two heartbeats.
            observation = try await ClusterObserver.observe(
                redis: try RedisSettings.redis(loaded), key: settings.keyPrefix,
                usesStreams: loaded.settings.adapter == .redisStreams,
                isSharded: loaded.settings.adapter == .redisSharded,
                secret: loaded.settings.cluster.secret.map { ForwardingKey($0) },
                within: .milliseconds(Int64(settings.heartbeatIntervalMs + settings.heartbeatIntervalMs / 2 + 250)),
                patience: cluster.patience, eventLoop: MultiThreadedEventLoopGroup.singleton.next())
        } catch let error as SettingsError {
            StandardError.write("\(error)\n")
            throw ExitCode.wrongSettings
        } catch {
            StandardError.write("Redis at \(RedisSettings.masked(settings.url)) could not be asked: \(error)\n")
            throw ExitCode.failure
        }
        print(json ? PeersReport.json(observation) : PeersReport.table(observation), terminator: "")
        guard observation.nodes.isEmpty else { return }
        StandardError.write(
            "no node was heard on this Redis with the key prefix '\(settings.keyPrefix.escapingControlCharacters())' "
                + "within a heartbeat\n")
        throw ExitCode(2)
    }
}
