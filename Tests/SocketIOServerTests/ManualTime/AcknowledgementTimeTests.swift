// Part of socketio-server, MIT licence; see LICENSE.

import LoopConfinement
import NIOCore
import Testing

@testable import SocketIOServer

/// How long acknowledgements are waited for, on a clock that the test moves.
@Suite("Exact times: acknowledgements")
struct AcknowledgementTimeTests {
    private func server() throws -> ManualServer {
        try ManualServer {
            $0.engine.pingInterval = .seconds(3_600)
            $0.connectTimeout = .seconds(3_600)
        }
    }

    @Test("a socket waits for exactly the time given", arguments: [10, 1_000, 7_000])
    func single(milliseconds: Int64) throws {
        let server = try server()
        let (client, socket) = try server.join()
        let results = Recorder<String>()
        socket.timeout(.milliseconds(milliseconds)).emit(
            "ask",
            ack: { result in
                switch result {
                case .success: results.append("answer")
                case .failure(let error):
                    results.append((error as? SocketError)?.code == .timeout ? "timeout" : "\(error)")
                }
            })
        #expect(try client.text() == #"420["ask"]"#)
        server.advance(.milliseconds(milliseconds) - .nanoseconds(1))
        #expect(results.all.isEmpty)
        server.advance(.nanoseconds(1))
        #expect(results.all == ["timeout"])
        // The late answer finds nobody.
        try client.send(text: "430[1]")
        #expect(results.all == ["timeout"])
        client.close()
    }

    @Test(
        "without a time given a socket waits for the server's, 60 s by default; without one, until it goes",
        arguments: [60_000, 1_500, nil] as [Int64?])
    func byDefault(milliseconds: Int64?) throws {
        let server = try ManualServer {
            $0.engine.pingInterval = .seconds(3_600)
            $0.connectTimeout = .seconds(3_600)
            if milliseconds != 60_000 { $0.acknowledgementTimeout = milliseconds.map { .milliseconds($0) } }
        }
        let (client, socket) = try server.join()
        let results = Recorder<String>()
        socket.emit(
            "ask",
            ack: { result in
                switch result {
                case .success: results.append("answer")
                case .failure(let error):
                    results.append((error as? SocketError)?.code == .timeout ? "timeout" : "gone")
                }
            })
        server.advance(.milliseconds(milliseconds ?? 1_800_000) - .nanoseconds(1))
        #expect(results.all.isEmpty)
        server.advance(.nanoseconds(1))
        #expect(results.all == (milliseconds == nil ? [] : ["timeout"]))
        client.close()
        #expect(results.all == [milliseconds == nil ? "gone" : "timeout"])
    }

    @Test("an answer in the last moment is in time")
    func lastMoment() throws {
        let server = try server()
        let (client, socket) = try server.join()
        let results = Recorder<Bool>()
        socket.timeout(.seconds(2)).emit(
            "ask",
            ack: { result in
                if case .success = result { results.append(true) } else { results.append(false) }
            })
        server.advance(.seconds(2) - .nanoseconds(1))
        try client.send(text: "430[1]")
        #expect(results.all == [true])
        server.advance(.seconds(2))
        #expect(results.all == [true])
        client.close()
    }

    @Test("a broadcast waits for the time given, or for 5 s", arguments: [nil, 1_500] as [Int64?])
    func broadcast(milliseconds: Int64?) throws {
        let server = try server()
        let clients = [try server.join(), try server.join()]
        let results = Recorder<String>()
        let done: @Sendable (Result<[EventArguments], any Error>) -> Void = { result in
            switch result {
            case .success(let answers): results.append("\(answers.count) answers")
            case .failure(let error):
                let error = error as? BroadcastAckError
                results.append("\(error?.message ?? ""), \(error?.responses.count ?? -1) answered")
            }
        }
        if let milliseconds {
            server.io.sockets.timeout(.milliseconds(milliseconds)).emit("ask", ack: done)
        } else {
            server.io.local.emit("ask", ack: done)
        }
        for (client, _) in clients { #expect(try client.text() == #"420["ask"]"#) }
        try clients[0].client.send(text: "430[1]")
        let time = TimeAmount.milliseconds(milliseconds ?? 5_000)
        server.advance(time - .nanoseconds(1))
        #expect(results.all.isEmpty)
        server.advance(.nanoseconds(1))
        #expect(results.all == ["operation has timed out, 1 answered"])
        // Nothing of it is left: the late answer is that of nobody.
        try clients[1].client.send(text: "430[1]")
        #expect(clients.allSatisfy { $0.socket.core.runIfHere { $0.acks.isEmpty } == true })
        for (client, _) in clients { client.close() }
    }
}
