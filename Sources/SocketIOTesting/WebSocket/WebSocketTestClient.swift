// Part of socketio-server, MIT licence; see LICENSE.

/// A WebSocket connection to a server under test.
public final class WebSocketTestClient: Sendable {
    /// The connection below, for bytes of the test's own making.
    public let connection: HTTPTestConnection
    /// The server's `101`.
    public let response: HTTPTestResponse

    /// Keys and the answers that RFC 6455, 4.2.2 asks for, worked out elsewhere.
    private static let keys = [
        ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("IfQC8lsaD9ciuDFp4QUJ+A==", "5TK8pXj03V5IasuBA3cQDXUWuBU="),
        ("wq3WlL+ULcd7N2WS2chizQ==", "zbZa05ruiyx+9n4Lz3HGzye4C1U="),
        ("ePglqqAQMxmqoaML9P462g==", "M4hvE0JHvbkilCVBwtqIxW3mnKM="),
        ("NjFXhTii1rpYebMamkLykA==", "yQhtylH3muOLuacB5sXPbvEiTHk="),
    ]

    private init(connection: HTTPTestConnection, response: HTTPTestResponse) {
        self.connection = connection
        self.response = response
    }

    /// The request of an opening handshake with the first key of RFC 6455.
    public static func upgradeRequest(
        path: String, headers: [(name: String, value: String)] = [], key: String = "dGhlIHNhbXBsZSBub25jZQ=="
    ) -> HTTPTestRequest {
        HTTPTestRequest(
            "GET", path,
            headers: [
                ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", key),
            ] + headers)
    }

    /// Opens a WebSocket; throws ``TestClientError/unexpected(_:)`` with the answer when it is refused.
    public static func connect(
        to address: ServerAddress, path: String, headers: [(name: String, value: String)] = [],
        timeout: Duration = .seconds(10)
    ) async throws -> WebSocketTestClient {
        let (key, accept) = keys[Int.random(in: 0..<keys.count)]
        let connection = try await HTTPTestConnection.connect(
            to: address, timeout: timeout, sending: upgradeRequest(path: path, headers: headers, key: key))
        return try await upgraded(connection, accept: accept, timeout: timeout)
    }

    /// Upgrades a connection that may have carried requests before.
    public static func upgrade(
        _ connection: HTTPTestConnection, path: String, headers: [(name: String, value: String)] = [],
        timeout: Duration = .seconds(10)
    ) async throws -> WebSocketTestClient {
        let (key, accept) = keys[Int.random(in: 0..<keys.count)]
        try await connection.send(upgradeRequest(path: path, headers: headers, key: key))
        return try await upgraded(connection, accept: accept, timeout: timeout)
    }

    private static func upgraded(
        _ connection: HTTPTestConnection, accept: String, timeout: Duration
    ) async throws -> WebSocketTestClient {
        let response = try await connection.responses.next(within: timeout)
        guard response.status == 101 else { throw TestClientError.unexpected("upgrade refused: \(response)") }
        guard response["sec-websocket-accept"] == accept, response["upgrade"]?.lowercased() == "websocket",
            response["connection"]?.lowercased() == "upgrade"
        else { throw TestClientError.protocolViolation("answer to the opening handshake: \(response.headers)") }
        return WebSocketTestClient(connection: connection, response: response)
    }

    /// Sends a text message in one frame.
    public func send(_ text: String) async throws {
        try await connection.write(ClientFrame.text(text).encoded)
    }

    /// Sends a binary message in one frame.
    public func send(_ bytes: [UInt8]) async throws {
        try await connection.write(ClientFrame.binary(bytes).encoded)
    }

    /// Sends any frame.
    public func send(_ frame: ClientFrame) async throws {
        // The server's close frame is then the answer, which is not answered again.
        if frame.opcode == .close { try await connection.setAutomaticReplies(false) }
        try await connection.write(frame.encoded)
    }

    /// The next message, ping, pong or close.
    public func next(within timeout: Duration = .seconds(10)) async throws -> WebSocketTestMessage {
        try await connection.messages.next(within: timeout)
    }

    /// The next message, which must be text.
    public func nextText(within timeout: Duration = .seconds(10)) async throws -> String {
        let message = try await next(within: timeout)
        guard case .text(let text) = message else { throw TestClientError.unexpected("\(message) instead of text") }
        return text
    }

    /// Waits for the server to end the connection and gives its close code; 1005 when the close frame had none, 1006
    /// when there was no close frame. Messages before it are dropped.
    public func closeCode(within timeout: Duration = .seconds(10)) async throws -> UInt16 {
        var code: UInt16 = 1006
        do {
            while true {
                if case .close(let sent, _) = try await next(within: timeout) { code = sent ?? 1005 }
            }
        } catch TestClientError.closed {
            return code
        }
    }

    /// Sends a close frame and waits for the server's.
    public func close(_ code: UInt16? = nil, within timeout: Duration = .seconds(10)) async throws {
        try await send(.close(code))
        _ = try await closeCode(within: timeout)
    }
}
