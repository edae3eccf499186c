// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import SocketIOCore
internal import Tracing

/// Makes a span for everything that a namespace asks of its adapter: broadcasts, and questions to other servers. Each
/// belongs to the trace of the caller, for example of the handler that it is called from.
final class TracingAdapter: AdapterSPI.ForwardingAdapter {
    let base: any Adapter
    private let namespace: String
    private let tracer: any Tracer

    init(around base: any Adapter, of namespace: String, _ tracer: any Tracer) {
        self.base = base
        self.namespace = namespace
        self.tracer = tracer
    }

    // MARK: Broadcasts

    func broadcast(_ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions) {
        let span = start("publish \(packet.event)", .producer, options)
        defer { span.end() }
        ServiceContext.withValue(span.context) { base.broadcast(packet, options: options) }
    }

    func broadcastWithAck(
        _ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions, receiver: any AdapterSPI.AckReceiver
    ) {
        let span = start("publish \(packet.event)", .producer, options)
        defer { span.end() }
        ServiceContext.withValue(span.context) {
            base.broadcastWithAck(packet, options: options, receiver: receiver)
        }
    }

    func serverSideEmit(_ packet: AdapterSPI.BroadcastPacket) async throws {
        try await question("serverSideEmit \(packet.event)", .producer) { try await base.serverSideEmit(packet) }
    }

    func serverSideEmitWithAck(
        _ packet: AdapterSPI.BroadcastPacket, timeout: Duration
    ) async throws -> [EventArguments] {
        try await question("serverSideEmit \(packet.event)") {
            try await base.serverSideEmitWithAck(packet, timeout: timeout)
        }
    }

    // MARK: Questions

    func serverCount() async throws -> Int { try await question("serverCount") { try await base.serverCount() } }

    func fetchSockets(_ options: BroadcastOptions) async throws -> [SocketDescription] {
        try await question("fetchSockets", options) { try await base.fetchSockets(options) }
    }

    func sockets(in rooms: NameSet) async throws -> NameSet {
        try await question("sockets") { try await base.sockets(in: rooms) }
    }

    func allRooms() async throws -> NameSet { try await question("allRooms") { try await base.allRooms() } }

    func count(_ options: BroadcastOptions) async throws -> Int {
        try await question("count", options) { try await base.count(options) }
    }

    func countByRoom() async throws -> NameDictionary<Int> {
        try await question("countByRoom") { try await base.countByRoom() }
    }

    // MARK: Spans

    private func question<Value: Sendable>(
        _ name: String, _ kind: SpanKind = .client, _ options: BroadcastOptions? = nil,
        _ work: () async throws -> Value
    ) async throws -> Value {
        let span = start(name, kind, options)
        defer { span.end() }
        do {
            return try await ServiceContext.withValue(span.context, operation: work)
        } catch {
            span.recordError(error)
            span.setStatus(SpanStatus(code: .error))
            throw error
        }
    }

    private func question<Value: Sendable>(
        _ name: String, _ options: BroadcastOptions, _ work: () async throws -> Value
    ) async throws -> Value {
        try await question(name, .client, options, work)
    }

    private func start(_ name: String, _ kind: SpanKind, _ options: BroadcastOptions?) -> any Span {
        let span = tracer.startSpan(name, context: .current ?? .topLevel, ofKind: kind)
        span.attributes["messaging.system"] = "socket.io"
        span.attributes["messaging.destination.name"] = namespace
        if let options { span.attributes["socketio.room_count"] = options.rooms.count }
        return span
    }
}
