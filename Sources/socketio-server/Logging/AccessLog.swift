// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Logging
internal import NIOCore
internal import SocketIOServer

/// The access log: one line for each finished session and, if wanted, for each request.
struct AccessLog: EngineObserver {
    let wantsRequests: Bool
    private let node: String
    private let logger: Logger

    /// Nil when the settings want none.
    init?(_ settings: Settings.Log, node: String, output: @escaping LineLogHandler.Output = StandardError.write) {
        guard settings.access != .off else { return nil }
        wantsRequests = settings.access == .requests
        self.node = node
        var logger = Logger(label: "socketio.access") {
            LineLogHandler(label: $0, level: settings.level, format: settings.format, output: output)
        }
        // `log.level` does not apply to this log: it is written as soon as it is turned on.
        logger.logLevel = .trace
        self.logger = logger
    }

    func ended(_ session: SessionRecord) {
        var metadata: Logger.Metadata = [
            "sid": "\(session.sid)", "node": "\(node)", "transport": "\(session.transport.rawValue)",
            "remote": "\(session.clientAddress)", "ms": "\(milliseconds(session.duration))",
            "messagesIn": "\(session.usage.messagesReceived)", "bytesIn": "\(session.usage.bytesReceived)",
            "messagesOut": "\(session.usage.messagesSent)", "bytesOut": "\(session.usage.bytesSent)",
            "reason": "\(session.reason)",
        ]
        if let detail = session.detail { metadata["detail"] = "\(detail)" }
        logger.info("session", metadata: metadata)
    }

    func refused(_ refusal: RefusalRecord) {
        var metadata: Logger.Metadata = [
            "node": "\(node)", "remote": "\(refusal.clientAddress)", "reason": "\(refusal.reason)",
        ]
        if let code = refusal.code { metadata["code"] = "\(code)" }
        if let sid = refusal.sid { metadata["sid"] = "\(sid)" }
        logger.info("refused", metadata: metadata)
    }

    func answered(_ request: RequestRecord) {
        var metadata: Logger.Metadata = [
            "node": "\(node)", "method": "\(request.method)", "path": "\(request.path)",
            "status": request.status.map { "\($0)" } ?? "none", "bytesOut": "\(request.bytesSent)",
            "ms": "\(milliseconds(request.duration))", "remote": "\(request.clientAddress)",
        ]
        if let sid = request.sid { metadata["sid"] = "\(sid)" }
        logger.info("request", metadata: metadata)
    }

    private func milliseconds(_ duration: TimeAmount) -> Int64 { max(0, duration.nanoseconds / 1_000_000) }
}
