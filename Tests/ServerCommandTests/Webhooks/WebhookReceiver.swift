// Part of socketio-server, MIT licence; see LICENSE.

internal import Crypto
internal import EngineIOServer
internal import SocketIOServer
internal import SocketIOTesting
internal import Synchronization
internal import Testing

@testable internal import socketio_server

/// A program that webhooks are sent to.
final class WebhookReceiver: Sendable {
    static let secret = "0123456789abcdef"

    private struct State {
        var events: [SocketValue] = []
        var requests = 0
        /// The statuses of the next answers; 204 when there are none.
        var statuses: [Int] = []
        var wrongSignatures = 0
    }

    private let state = Mutex(State())
    private let server = Server()
    private let port = Mutex(0)

    init() async throws {
        // Those who listen already do not look again.
        server.application = SimpleApplication { [weak self] request in
            let body = String(buffer: try await request.body.collect(upTo: 1 << 24))
            return ApplicationResponse(status: .init(statusCode: self?.take(request, body) ?? 500))
        }
        let address = try await server.listen(host: "127.0.0.1", port: 0)
        port.withLock { $0 = address?.port ?? 0 }
    }

    var url: String { "http://127.0.0.1:\(port.withLock { $0 })/hook" }
    var events: [SocketValue] { state.withLock { $0.events } }
    var requests: Int { state.withLock { $0.requests } }
    var wrongSignatures: Int { state.withLock { $0.wrongSignatures } }

    /// Answers the next requests with these statuses.
    func answer(_ statuses: Int...) { state.withLock { $0.statuses = statuses } }

    func close() async { await server.close() }

    /// The first so many events.
    func events(_ count: Int) async throws -> [SocketValue] {
        try await eventually("\(count) events", within: .seconds(30)) { self.events.count >= count }
        return events
    }

    private func take(_ request: ApplicationRequest, _ body: String) -> Int {
        state.withLock { state in
            state.requests += 1
            let status = state.statuses.isEmpty ? 204 : state.statuses.removeFirst()
            guard status < 300 else { return status }
            let time = request.headers.first(name: WebhookRequest.timestampHeader) ?? ""
            let code = HMAC<SHA256>.authenticationCode(
                for: Array((time + "." + body).utf8), using: SymmetricKey(data: Array(Self.secret.utf8)))
            let expected = "sha256=" + Array(code).map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined()
            if request.headers.first(name: WebhookRequest.signatureHeader) != expected { state.wrongSignatures += 1 }
            state.events += (try? RawJSON(body).value)?["events"]?.array ?? []
            return status
        }
    }
}
