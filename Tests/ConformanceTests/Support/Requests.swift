// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOTesting

/// Sends one request on a connection of its own.
func request(
    _ address: ServerAddress, _ request: HTTPTestRequest, within timeout: Duration = .seconds(10)
) async throws -> HTTPTestResponse {
    let connection = try await HTTPTestConnection.connect(to: address)
    let response: HTTPTestResponse
    do {
        response = try await connection.request(request, within: timeout)
    } catch {
        await connection.close()
        throw error
    }
    await connection.close()
    return response
}

/// Sends one GET on a connection of its own.
func get(_ address: ServerAddress, _ path: String) async throws -> HTTPTestResponse {
    try await request(address, .init("GET", path))
}

/// One polling session driven by hand, each request on a connection of its own.
struct PollingSession: Sendable {
    let address: ServerAddress
    let sid: String
    private let engine: String

    init(_ address: ServerAddress, engine: String = "/engine.io/") async throws {
        self.address = address
        self.engine = engine
        let response = try await get(address, "\(engine)?EIO=4&transport=polling")
        guard response.status == 200,
            case .open(let json)? = try EngineTestPacket.parse(payload: response.text).first
        else { throw TestClientError.unexpected("handshake: \(response)") }
        sid = try EngineTestHandshake(json: json).sid
    }

    var path: String { "\(engine)?EIO=4&transport=polling&sid=\(sid)" }
    var webSocketPath: String { "\(engine)?EIO=4&transport=websocket&sid=\(sid)" }

    func poll(within timeout: Duration = .seconds(10)) async throws -> HTTPTestResponse {
        try await request(address, .init("GET", path), within: timeout)
    }

    func post(
        _ body: String, headers: [(name: String, value: String)] = [("Content-Type", "text/plain;charset=UTF-8")]
    ) async throws -> HTTPTestResponse {
        try await post(Array(body.utf8), headers: headers)
    }

    func post(
        _ body: [UInt8], headers: [(name: String, value: String)] = [("Content-Type", "text/plain;charset=UTF-8")]
    ) async throws -> HTTPTestResponse {
        try await request(address, .init("POST", path, headers: headers, body: body))
    }
}
