// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIORedis
internal import SocketIOServer

/// Collects a ``StatusReport`` once a second, and only while a page is open. May be used from any thread.
final class StatusFeed: Sendable {
    private struct State {
        var watchers = 0
        var task: Task<Void, Never>?
    }

    /// What rates are made of.
    private struct Totals {
        var at: NIODeadline
        var events = 0
        var messagesIn = 0
        var messagesOut = 0
        var bytesIn = 0
        var bytesOut = 0

        init(_ statistics: ServerStatistics) {
            at = .now()
            for packets in statistics.received { events += packets.events }
            for shard in statistics.shards {
                messagesIn += shard.traffic.messagesReceived
                messagesOut += shard.traffic.messagesSent
                bytesIn += shard.traffic.bytesReceived
                bytesOut += shard.traffic.bytesSent
            }
        }

        func rates(since earlier: Totals) -> StatusReport.Rates {
            let seconds = max(Double((at - earlier.at).nanoseconds) / 1e9, 0.001)
            func rate(_ key: KeyPath<Totals, Int>) -> Double {
                max(0, Double(self[keyPath: key] - earlier[keyPath: key]) / seconds)
            }
            return StatusReport.Rates(
                eventsIn: rate(\.events), messagesIn: rate(\.messagesIn), messagesOut: rate(\.messagesOut),
                bytesIn: rate(\.bytesIn), bytesOut: rate(\.bytesOut))
        }
    }

    /// Rooms shown.
    static let maxRooms = 20
    /// Nodes and namespaces shown, each.
    private static let maxLines = 100

    private let server: Server
    private let readiness: Readiness
    private let cluster: RedisCluster?
    private let startedAt = NIODeadline.now()
    private let state = NIOLockedValueBox(State())

    init(server: Server, readiness: Readiness, cluster: RedisCluster?) {
        self.server = server
        self.readiness = readiness
        self.cluster = cluster
    }

    /// Whether a page is open.
    var isRunning: Bool { state.withLockedValue { $0.task != nil } }

    /// One more looks; reports go to `send` from now on, if they do not already.
    func joined(_ send: @escaping @Sendable (StatusReport) -> Void) {
        state.withLockedValue { state in
            state.watchers += 1
            guard state.task == nil else { return }
            state.task = Task { await self.run(send) }
        }
    }

    /// One fewer looks; the last one ends the gathering.
    func left() {
        let ended = state.withLockedValue { state -> Task<Void, Never>? in
            state.watchers -= 1
            guard state.watchers <= 0 else { return nil }
            state.watchers = 0
            defer { state.task = nil }
            return state.task
        }
        guard let ended else { return }
        ended.cancel()
        server.forgetLargestRooms()
    }

    private func run(_ send: @Sendable (StatusReport) -> Void) async {
        var last: Totals?
        while !Task.isCancelled {
            let statistics = await server.statistics()
            let rooms = await server.largestRooms(Self.maxRooms)
            guard !Task.isCancelled else { return server.forgetLargestRooms() }
            let totals = Totals(statistics)
            send(report(statistics, rooms, rates: last.map { totals.rates(since: $0) } ?? StatusReport.Rates()))
            last = totals
            try? await Task.sleep(for: .seconds(1))
        }
    }

    private func report(
        _ statistics: ServerStatistics, _ rooms: [RoomSize], rates: StatusReport.Rates
    ) -> StatusReport {
        let readiness = readiness.report
        let sessions = server.sessionsByTransport
        return StatusReport(
            status: readiness.status.rawValue, reasons: readiness.reasons, polling: sessions[.polling] ?? 0,
            webSocket: sessions[.websocket] ?? 0, sockets: server.socketCount,
            namespaces: statistics.namespaces.prefix(Self.maxLines).map {
                .init(name: $0.label, namespaces: $0.namespaces, sockets: $0.sockets, rooms: $0.rooms)
            },
            rooms: rooms.map { .init(namespace: $0.namespace, name: $0.room, members: $0.members) }, rates: rates,
            queuedBytes: statistics.shards.reduce(0) { $0 + $1.queuedBytes },
            lagMs: Double(server.currentLoopLag.nanoseconds) / 1e6, adapter: adapterName,
            adapterState: cluster?.status.description ?? "up", nodes: nodes)
    }

    private var adapterName: String {
        guard let cluster else { return "memory" }
        return cluster.configuration.adapterName
    }

    private var nodes: [StatusReport.Node] {
        let uptime = Int((NIODeadline.now() - startedAt).nanoseconds / 1_000_000_000)
        let this = StatusReport.Node(
            tag: server.configuration.engine.nodeTag, id: nil, address: nil, version: Version.current,
            sessions: server.engine.clientsCount, sockets: server.socketCount, uptimeSeconds: uptime,
            isDraining: server.isDraining, isSelf: true)
        let now = WallClock.milliseconds()
        return [this]
            + (cluster?.nodes ?? []).prefix(Self.maxLines).map {
                StatusReport.Node(
                    tag: $0.tag, id: String($0.id.prefix(6)), address: $0.address, version: $0.version,
                    sessions: $0.sessions, sockets: $0.sockets,
                    uptimeSeconds: Int(clamping: max(0, now - max(0, $0.startedAt)) / 1_000),
                    isDraining: $0.isDraining, isSelf: false)
            }
    }
}
