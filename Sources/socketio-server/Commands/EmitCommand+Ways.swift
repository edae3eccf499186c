// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import SocketIOCore
internal import SocketIORedis
internal import SocketIOServer

/// The two ways of an event to the clients: over Redis, and over the HTTP API of a node.
extension EmitCommand {
    enum Way {
        case redis(LoadedSettings)
        case node(RemoteNode)
    }

    /// What the options, the environment and the settings ask for.
    func way() async throws -> Way {
        let namesRedis = cluster.redis != nil || cluster.key != nil
        if place.namesNode, !namesRedis, !serverSide { return .node(try await node()) }
        let loaded = try await cluster.load()
        if ClusterOptions.isCluster(loaded) { return .redis(loaded) }
        let purpose = RemotePlace.Purpose.api(scope)
        if !serverSide, !namesRedis, RemotePlace.address(loaded.settings, purpose) != nil,
            RemotePlace.token(loaded.settings, purpose) != nil
        {
            return .node(try await node())
        }
        StandardError.write(
            ClusterOptions.noCluster + "; or --url or SOCKETIO_URL, for the HTTP API of a node (api.tokens)\n")
        throw ExitCode.wrongSettings
    }

    private var scope: APIScope { event == nil ? .manage : .emit }

    private func node() async throws -> RemoteNode {
        try await place.client(for: .api(scope), config: cluster.config, timeoutMs: cluster.timeoutMs)
    }

    // MARK: The HTTP API

    func send(to node: RemoteNode) async throws {
        let (kind, body) = try request()
        try await node.use { _ = try await $0.carryOut(kind, body) }
        print("sent by \(node.url)")
    }

    private func request() throws -> (APIOperation.Kind, SocketObject) {
        func list(_ names: [String]) -> SocketValue { .array(names.map(SocketValue.string)) }
        var body: SocketObject = ["namespace": .string(namespace)]
        if !to.isEmpty { body["to"] = list(to) }
        if !except.isEmpty { body["except"] = list(except) }
        if event != nil {
            body["event"] = .string(eventName)
            body["args"] = .array(try values().map(\.value))
            if volatile { body["volatile"] = true }
            return (.emit, body)
        }
        if to.isEmpty { body["everyone"] = true }
        if disconnect {
            body["close"] = .bool(close)
            return (.disconnect, body)
        }
        body["rooms"] = list(join + leave)
        return (join.isEmpty ? .leave : .join, body)
    }

    // MARK: Redis

    func sendOverRedis(_ loaded: LoadedSettings) async throws {
        let emitter: RedisEmitter
        do {
            emitter = try RedisEmitter(
                redis: try RedisSettings.redis(loaded), key: loaded.settings.redis.keyPrefix,
                streams: RedisSettings.streams(loaded.settings), isSharded: loaded.settings.adapter == .redisSharded,
                patience: Duration(cluster.patience),
                eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
                logger: Logger(label: "socketio.emit") { _ in SwiftLogNoOpLogHandler() })
        } catch let error as SettingsError {
            StandardError.write("\(error)\n")
            throw ExitCode.wrongSettings
        }
        let servers: Int
        do {
            servers = try await send(emitter)
        } catch let error as SocketError {
            await emitter.close()
            StandardError.write("Error: \(error)\n")
            throw ExitCode.validationFailure
        } catch {
            await emitter.close()
            StandardError.write("not sent: \(error)\n")
            throw ExitCode.failure
        }
        await emitter.close()
        guard servers > 0 else {
            StandardError.write(
                "received by 0 servers: none uses this Redis with the key prefix '\(loaded.settings.redis.keyPrefix)' and "
                    + "has the namespace '\(namespace)'\n")
            throw ExitCode(2)
        }
        print("received by \(servers) \(servers == 1 ? "server" : "servers")")
    }

    private func send(_ emitter: RedisEmitter) async throws -> Int {
        var target = emitter.of(namespace).to(to).except(except)
        if volatile { target = target.volatile }
        if !join.isEmpty { return try await target.socketsJoin(join) }
        if !leave.isEmpty { return try await target.socketsLeave(leave) }
        if disconnect { return try await target.disconnectSockets(close: close) }
        let values = try values()
        if serverSide { return try await target.serverSideEmit(eventName, arguments: values) }
        return try await target.emit(eventName, arguments: values)
    }
}
