// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOTesting
import Testing

/// Runs the exchanges of a scenario against a server and compares each answer with the recorded one.
///
/// Exchanges start in the recorded order. One that the recording left open stays open while the next ones run; a
/// WebSocket that the client closed in the end is closed after the last exchange.
final class VectorReplay {
    private let scenario: VectorScenario
    private let address: ServerAddress
    private var sid = ""
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
            await #expect(throws: TestClientError.self, "\(scenario.id)[\(index)] must not be answered") {
                try await connection.responses.next(within: silence)
            }
            await connection.close()
            try await Task.sleep(for: .milliseconds(100))
        } else if step.staysPending {
            let task = Task { try await VectorReplay.answer(of: connection) }
            pending.append((index, task))
            try await Task.sleep(for: .milliseconds(100))
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
            #expect(response == nil && expected == nil, "\(place): \(response.map(\.description) ?? "no response")")
            return
        }
        if let sid = Normal.sid(in: response.text) { self.sid = sid }
        #expect(response.status == expected.status, "\(place): \(response)")
        if !expected.ignoresHeaders {
            #expect(Normal.headers(response.headers) == Normal.headers(expected.headers), "\(place): headers")
        }
        guard let body = expected.body, expected.status != 101 else { return }
        if response["content-encoding"] == nil {
            #expect(Normal.text(response.text) == Normal.text(String(decoding: body, as: UTF8.self)), "\(place): body")
            // The answer to HEAD has a length and no body.
            #expect(body.isEmpty || response["content-length"].map { $0 == "\(response.body.count)" } ?? true)
        } else {
            #expect(
                Inflate.text(response.body, encoding: response["content-encoding"])
                    == Inflate.text(body, encoding: response["content-encoding"]), "\(place): compressed body")
        }
    }

    /// What followed a `101` in the same recording, as frames.
    private func checkFrames(_ index: Int, _ connection: HTTPTestConnection, _ bytes: [UInt8]) async throws {
        var reader = ServerFrameReader()
        reader.receive(bytes)
        while let expected = try reader.next() {
            let received = try await connection.messages.next()
            #expect(Normal.message(received) == Normal.message(expected), "\(scenario.id)[\(index)]")
        }
    }

    // MARK: WebSockets

    private func run(
        _ index: Int, path: String, headers: [(name: String, value: String)], events: [VectorScenario.Event]
    ) async throws {
        let socket = try await WebSocketTestClient.connect(to: address, path: path.replacing("<sid>", with: sid))
        connections.append(socket.connection)
        #expect(
            Normal.headers(socket.response.headers) == Normal.headers(headers),
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
                #expect(Normal.message(received) == Normal.message(message), "\(scenario.id)[\(index)]")
            case .closeByClient:
                #expect(socket.connection.isOpen, "\(scenario.id)[\(index)] must still be open")
                try await socket.send(.close())
            case .closed(let byServer, let code):
                let received = try await socket.closeCode()
                #expect(Int(received) == code, "\(scenario.id)[\(index)]: closed by server: \(byServer)")
            }
        }
    }
}
