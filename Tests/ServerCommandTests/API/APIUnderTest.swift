// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Logging
internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// A server with the HTTP API in front of a page, in the process of the tests.
struct APIUnderTest {
    static let all = "all:emit+manage+read+history:0123456789abcdef"
    static let sender = "sender:emit+manage:00112233445566778899"
    static let reader = "reader:read:fedcba9876543210"
    static let historian = "historian:history:8899aabbccddeeff00"

    let io: Server
    let address: ServerAddress

    static func run(
        _ limits: APILimits = APILimits(), _ prepare: (Server) -> Void = { _ in },
        _ body: (APIUnderTest) async throws -> Void
    ) async throws {
        var configuration = ServerConfiguration()
        configuration.eventLoops = 2
        configuration.durableRooms = DurableRooms()
        configuration.durableRooms?.limitsOfRoom = { _, room in
            room == "none" ? nil : RoomHistoryLimits(maxEvents: 100, maxBytes: 2_000)
        }
        let io = Server(configuration: configuration)
        prepare(io)
        let tokens = try [all, reader, sender, historian].map { try #require(APIToken($0)) }
        let core = HTTPAPICore(
            tokens: tokens, limits: limits, server: io, logger: Logger(label: "api") { _ in SwiftLogNoOpLogHandler() })
        io.application = HTTPAPI(api: core, next: SimpleApplication { _ in .text("page\n") })
        let address = try #require(try await io.listen(host: "127.0.0.1", port: 0))
        do {
            try await body(APIUnderTest(io: io, address: ServerAddress(port: address.port ?? 0)))
        } catch {
            await io.close()
            throw error
        }
        await io.close()
    }

    func socket(_ namespace: String = "/") async throws -> TestSocket {
        try await SocketTestClient.connect(to: address).join(namespace)
    }

    /// Asks as the holder of a token.
    func ask(
        _ method: String, _ path: String, _ body: String = "", token: String? = all, key: String? = nil
    ) async throws -> HTTPTestResponse {
        var headers: [(String, String)] = []
        if let secret = token?.split(separator: ":").last { headers.append(("Authorization", "Bearer \(secret)")) }
        if let key { headers.append(("Idempotency-Key", key)) }
        let connection = try await HTTPTestConnection.connect(
            to: address, sending: HTTPTestRequest(method, path, headers: headers, body: Array(body.utf8)))
        let answer = try await connection.responses.next(within: .seconds(30))
        await connection.close()
        return answer
    }

    func post(_ operation: String, _ body: String, key: String? = nil) async throws -> HTTPTestResponse {
        try await ask("POST", "/api/" + operation, body, key: key)
    }

    func get(_ question: String) async throws -> SocketValue {
        let answer = try await ask("GET", "/api/" + question)
        #expect(answer.status == 200, "\(answer.text)")
        return try answer.value
    }
}

extension HTTPTestResponse {
    /// The body as JSON.
    var value: SocketValue { get throws { try RawJSON(text).value } }

    /// The code and the field of a refusal.
    var refusal: String {
        let error = (try? value)?["error"]
        let field = error?["field"]?.string.map { " " + $0 } ?? ""
        return "\(status) \(error?["code"]?.string ?? text)\(field)"
    }
}
