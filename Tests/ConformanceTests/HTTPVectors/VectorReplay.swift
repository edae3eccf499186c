// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOTesting

/// Runs the exchanges of a scenario against a server and compares each answer with the recorded one.
///
/// Exchanges start in the recorded order. One that the recording left open stays open while the next ones run; a
/// WebSocket that the client closed in the end is closed after the last exchange.
final class VectorReplay {
    private let scenario: VectorScenario
    private let address: ServerAddress
    private var sid = ""
    /// What was different, one line each.
    private(set) var differences: [String] = []
    private var pending: [(index: Int, task: Task<HTTPTestResponse?, any Error>)] = []
    private var openWebSockets: [(index: Int, socket: WebSocketTestClient, rest: ArraySlice<VectorScenario.Event>)] = []
    private var connections: [HTTPTestConnection] = []

    init(_ scenario: VectorScenario, address: ServerAddress) {
        self.scenario = scenario
        self.address = address
    }

    func run() async throws {
        for (index, step) in scenario.steps.enumerated() {
            switch step.exchange {
            case .request(let request, let response): try await run(index, step, request, response)
            case .webSocket(let path, let headers, let events):
                try await run(index, path: path, headers: headers, events: events)
            }
        }
        try await finishPending()
        for (index, socket, rest) in openWebSockets { try await play(index, socket, rest) }
        for connection in connections { await connection.close() }
    }

    // MARK: Plain requests

    private func run(
        _ index: Int, _ step: VectorScenario.Step, _ request: VectorScenario.Request,
        _ expected: VectorScenario.Response?
    ) async throws {
        let connection = try await HTTPTestConnection.connect(to: address)
        connections.append(connection)
        let sent = HTTPTestRequest(
            request.method, request.path.replacing("<sid>", with: sid), headers: request.headers, body: request.body)
        try await connection.send(sent)
        if step.outcome == "aborted by the client" {
            // The server must have seen the request before it sees the end of it: nothing observable tells when.
            _ = try? await connection.responses.next(within: .milliseconds(100))
            await connection.close()
            try await Task.sleep(for: .milliseconds(100))
        } else if let silence = step.silence {
            if let response = try? await connection.responses.next(within: silence) {
                differences.append("\(scenario.id)[\(index)] must not be answered: \(response)")
            }
            await connection.close()
            try await Task.sleep(for: .milliseconds(100))
        } else if step.staysPending {
            let task = Task { try await VectorReplay.answer(of: connection) }
            pending.append((index, task))
            // The server must have it before the next exchange begins: again nothing tells when.
            try await Task.sleep(for: .milliseconds(200))
        } else {
            check(index, try await Self.answer(of: connection), expected)
            if let expected, expected.status == 101 { try await checkFrames(index, connection, expected.body ?? []) }
        }
    }

    /// The response; nil when the server closed the connection without one.
    private static func answer(of connection: HTTPTestConnection) async throws -> HTTPTestResponse? {
        do {
            return try await connection.responses.next()
        } catch TestClientError.closed {
            return nil
        }
    }

    private func finishPending() async throws {
        let waiting = pending
        pending = []
        for (index, task) in waiting {
            guard case .request(_, let expected) = scenario.steps[index].exchange else { continue }
            check(index, try await task.value, expected)
        }
    }

    private func check(_ index: Int, _ response: HTTPTestResponse?, _ expected: VectorScenario.Response?) {
        let place = "\(scenario.id)[\(index)]"
        guard let response, let expected else {
            compare(response.map(\.description), expected.map { "\($0.status)" }, place)
            return
        }
        if let sid = Normal.sid(in: response.text) { self.sid = sid }
        compare(response.status, expected.status, "\(place): status")
        if !expected.ignoresHeaders {
            compare(Normal.headers(response.headers), Normal.headers(expected.headers), "\(place): headers")
        }
        guard let body = expected.body, expected.status != 101 else { return }
        if let encoding = response["content-encoding"] {
            compare(
                Inflate.text(response.body, encoding: encoding), Inflate.text(body, encoding: encoding),
                "\(place): compressed body")
        } else {
            compare(
                Normal.text(response.text), Normal.text(String(decoding: body, as: UTF8.self)), "\(place): body")
            // The answer to HEAD has a length and no body.
            guard !body.isEmpty, let length = response["content-length"] else { return }
            compare(length, "\(response.body.count)", "\(place): length")
        }
    }

    private func compare<Value: Equatable>(_ received: Value, _ expected: Value, _ place: String) {
        if received != expected { differences.append("\(place): \(received), expected \(expected)") }
    }

    /// What followed a `101` in the same recording, as frames.
    private func checkFrames(_ index: Int, _ connection: HTTPTestConnection, _ bytes: [UInt8]) async throws {
        var reader = ServerFrameReader()
        reader.receive(bytes)
        while let expected = try reader.next() {
            let received = try await connection.messages.next()
            compare(Normal.message(received), Normal.message(expected), "\(scenario.id)[\(index)]: after the 101")
        }
    }

    // MARK: WebSockets

    private func run(
        _ index: Int, path: String, headers: [(name: String, value: String)], events: [VectorScenario.Event]
    ) async throws {
        // What the recording client offered shows in the answer only.
        let isCompressed = headers.contains { $0.name.lowercased() == "sec-websocket-extensions" }
        let socket = try await WebSocketTestClient.connect(
            to: address, path: path.replacing("<sid>", with: sid),
            headers: isCompressed
                ? [("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")] : [])
        connections.append(socket.connection)
        compare(
            Normal.headers(socket.response.headers), Normal.headers(headers),
            "\(scenario.id)[\(index)]: headers of the 101")
        let end = events.firstIndex(of: .closeByClient) ?? events.endIndex
        try await play(index, socket, events[..<end])
        if end < events.endIndex { openWebSockets.append((index, socket, events[end...])) }
    }

    private func play(
        _ index: Int, _ socket: WebSocketTestClient, _ events: ArraySlice<VectorScenario.Event>
    ) async throws {
        for event in events {
            switch event {
            case .send(let message):
                // A client finishes its polls before the upgrade packet.
                if message == .text("5") { try await finishPending() }
                switch message {
                case .text(let text): try await socket.send(text)
                case .binary(let bytes): try await socket.send(bytes)
                }
            case .receive(let message):
                let received = try await socket.next()
                compare(Normal.message(received), Normal.message(message), "\(scenario.id)[\(index)]: message")
            case .closeByClient:
                compare(socket.connection.isOpen, true, "\(scenario.id)[\(index)]: open")
                try await socket.send(.close())
            case .closed(let byServer, let code):
                let received = try await socket.closeCode()
                compare(Int(received), code, "\(scenario.id)[\(index)]: close code, closed by server: \(byServer)")
            }
        }
    }
}
