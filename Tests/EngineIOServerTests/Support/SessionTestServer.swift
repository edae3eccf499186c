// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Foundation
internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix
internal import Testing

@testable internal import EngineIOServer

/// A real server on a free port whose sessions echo, and a log of what its handlers heard.
final class SessionTestServer: Sendable {
    /// What handlers heard, in order.
    final class Log: EngineDelegate {
        private struct State {
            var sessions: [EngineSession] = []
            var events: [String] = []
            var closes: [String: String] = [:]
        }

        private let state = NIOLockedValueBox(State())
        private let onOpen: @Sendable (SessionCore) -> Void
        private let onMessage: @Sendable (SessionCore, EngineMessage) -> Void

        init(
            onOpen: @escaping @Sendable (SessionCore) -> Void,
            onMessage: @escaping @Sendable (SessionCore, EngineMessage) -> Void
        ) {
            self.onOpen = onOpen
            self.onMessage = onMessage
        }

        var sessions: [EngineSession] { state.withLockedValue { $0.sessions } }
        var events: [String] { state.withLockedValue { $0.events } }
        func closeReason(_ sid: String) -> String? { state.withLockedValue { $0.closes[sid] } }
        func add(_ event: String) { state.withLockedValue { $0.events.append(event) } }
        func closed(_ sid: String, _ reason: CloseReason, _ detail: String?) {
            state.withLockedValue {
                $0.events.append("close \(reason.rawValue)")
                $0.closes[sid] = "\(reason.rawValue)|\(detail ?? "")"
            }
        }

        func opened(_ session: SessionCore) -> any EngineSessionHandler {
            session.eventLoop.preconditionInEventLoop()
            if let handle = session.handle { state.withLockedValue { $0.sessions.append(handle) } }
            onOpen(session)
            return Handler(session: session, log: self)
        }

        final class Handler: EngineSessionHandler {
            private unowned let session: SessionCore
            private let log: Log
            init(session: SessionCore, log: Log) {
                self.session = session
                self.log = log
            }
            func received(_ message: EngineMessage) {
                session.eventLoop.preconditionInEventLoop()
                log.onMessage(session, message)
            }
            func upgraded(to transport: TransportName) { log.add("upgrade \(transport.rawValue)") }
            func drained() {}
            func dropped(messages count: Int) { log.add("dropped \(count)") }
            func closed(_ reason: CloseReason, detail: String?) { log.closed(session.id, reason, detail) }
        }
    }

    let group: MultiThreadedEventLoopGroup
    let engine: EngineServer
    let log: Log
    let listener: HTTPListener
    var port: Int { listener.port ?? 0 }

    static let echo: @Sendable (SessionCore, EngineMessage) -> Void = { session, message in
        session.send(OutboundMessage(head: .message(message)))
    }

    init(
        loops: Int, _ configure: (inout EngineConfiguration) -> Void = { _ in },
        onOpen: @escaping @Sendable (SessionCore) -> Void = { _ in },
        onMessage: @escaping @Sendable (SessionCore, EngineMessage) -> Void = SessionTestServer.echo
    ) async throws {
        var configuration = EngineConfiguration()
        configuration.httpCompression = nil
        // A busy machine may keep a test's client from its next request or read for longer than the defaults allow.
        configuration.headTimeout = .seconds(60)
        configuration.keepAliveTimeout = .seconds(60)
        configuration.slowClientTimeout = .seconds(60)
        configuration.upgradeTimeout = .seconds(300)
        configure(&configuration)
        group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
        log = Log(onOpen: onOpen, onMessage: onMessage)
        let eventLoops = Array(group.makeIterator())
        engine = EngineServer(configuration: configuration, eventLoops: eventLoops, delegate: log)
        let router = try HTTPRouter(configuration: configuration, engine: engine, application: nil)
        listener = try await HTTPListener.bind(
            to: .tcp(host: "127.0.0.1", port: 0), group: group, server: router.server)
    }

    func stop() async throws {
        await engine.close()
        await engine.endForwarding { await listener.close() }
        try await group.shutdownGracefully()
    }

    static func run(
        loops: Int = 1, _ configure: (inout EngineConfiguration) -> Void = { _ in },
        onOpen: @escaping @Sendable (SessionCore) -> Void = { _ in },
        onMessage: @escaping @Sendable (SessionCore, EngineMessage) -> Void = SessionTestServer.echo,
        _ body: (SessionTestServer) async throws -> Void
    ) async throws {
        let server = try await SessionTestServer(loops: loops, configure, onOpen: onOpen, onMessage: onMessage)
        do {
            try await body(server)
        } catch {
            try await server.stop()
            throw error
        }
        try await server.stop()
    }

    // MARK: Clients

    func connect() async throws -> SessionWire { try await SessionWire.connect(port: port) }

    static let polling = "/socket.io/?EIO=4&transport=polling"
    static let websocket = "/socket.io/?EIO=4&transport=websocket"

    /// A session opened by polling; the connection is idle again.
    func openPolling(_ wire: SessionWire) async throws -> String {
        try await opened(Self.sid(in: try await wire.get(Self.polling).body))
    }

    /// A new polling session, with the connection that opened it and is idle again.
    func pollingClient() async throws -> (wire: SessionWire, sid: String, session: EngineSession) {
        let wire = try await connect()
        let sid = try await openPolling(wire)
        guard let session = session(sid) else { throw WireError.malformed("no session \(sid)") }
        return (wire, sid, session)
    }

    /// A session opened on WebSocket.
    func openWebSocket(_ wire: SessionWire) async throws -> String {
        let response = try await wire.upgrade(Self.websocket)
        guard response.status == 101 else { throw WireError.malformed("status \(response.status)") }
        return try await opened(Self.sid(in: try await wire.text()))
    }

    /// The client hears of the session before the delegate does.
    private func opened(_ sid: String) async throws -> String {
        try await eventually("the session") { self.session(sid) != nil }
        return sid
    }

    static func sid(in open: String) throws -> String {
        guard let start = open.range(of: "\"sid\":\""), let end = open[start.upperBound...].firstIndex(of: "\"") else {
            throw WireError.malformed(open)
        }
        return String(open[start.upperBound..<end])
    }

    static func target(_ transport: String, _ sid: String) -> String {
        "/socket.io/?EIO=4&transport=\(transport)&sid=\(sid)"
    }

    func session(_ sid: String) -> EngineSession? { log.sessions.first { $0.id == sid } }

    func closeReason(_ sid: String) async throws -> String {
        try await eventually("close of the session") { self.log.closeReason(sid) }
    }
}

extension EngineSession {
    /// Does something with what lives on the session's event loop.
    func inside<Result: Sendable>(_ body: @escaping @Sendable (SessionCore) throws -> Result) async throws -> Result {
        try await core.get { core in Swift.Result { try body(core) } }.get()
    }
}

extension Shard {
    /// Does something with what lives on the event loop.
    func inside<Result: Sendable>(_ body: @escaping @Sendable (ShardCore) throws -> Result) async throws -> Result {
        try await core.get { core in Swift.Result { try body(core) } }.get()
    }
}

/// Looks until there is a value, for ten seconds at most.
func eventually<T>(
    _ what: String, within seconds: Double = 30, _ look: () async throws -> T?
) async throws -> T {
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(seconds)
    while true {
        if let value = try await look() { return value }
        guard clock.now < deadline else { throw WireError.timedOut(what) }
        try await Task.sleep(for: .milliseconds(2))
    }
}

func eventually(_ what: String, within seconds: Double = 30, _ condition: () async throws -> Bool) async throws {
    _ = try await eventually(what, within: seconds) { try await condition() ? true : nil }
}
