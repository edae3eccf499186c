// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Foundation
internal import NIOCore
internal import SocketIOServer
internal import Synchronization

@testable internal import socketio_server

/// A program that is asked who may connect and join.
final class PermissionReceiver: Sendable {
    typealias Decide = @Sendable (SocketValue) async -> (status: Int, body: String)

    private let server = Server()
    private let port = Mutex(0)
    private let asked = Mutex<[SocketValue]>([])
    private let wrong = Mutex(0)

    init(_ decide: @escaping Decide) async throws {
        server.application = SimpleApplication { [weak self] request in
            let body = String(buffer: try await request.body.collect(upTo: 1 << 20))
            let time = request.headers.first(name: WebhookRequest.timestampHeader) ?? ""
            let signed = WebhookRequest(body: body, secret: WebhookReceiver.secret, seconds: Int64(time) ?? 0)
            if request.headers.first(name: WebhookRequest.signatureHeader) != signed.signature {
                self?.wrong.withLock { $0 += 1 }
            }
            let question = (try? RawJSON(body).value) ?? .null
            self?.asked.withLock { $0.append(question) }
            let (status, text) = await decide(question)
            return ApplicationResponse(status: .init(statusCode: status), body: ByteBuffer(string: text))
        }
        let address = try await server.listen(host: "127.0.0.1", port: 0)
        port.withLock { $0 = address?.port ?? 0 }
    }

    var url: String { "http://127.0.0.1:\(port.withLock { $0 })/may" }
    /// All questions so far.
    var questions: [SocketValue] { asked.withLock { $0 } }
    var wrongSignatures: Int { wrong.withLock { $0 } }

    func close() async { await server.close() }
}
