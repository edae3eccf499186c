// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import Testing

@testable import SocketIOServer

/// Who may come and how long that may take, on a clock that the test moves.
@Suite("Exact times: connecting and handshakes")
struct ConnectTimeTests {
    /// Lets time pass and answers the pings of a client on the way.
    private func advance(_ server: ManualServer, _ time: TimeAmount, answering client: ManualConnection) throws {
        let end = server.now + time
        while server.now < end {
            server.advance(min(.seconds(1), end - server.now))
            while let text = try client.text() { if text == "2" { try client.send(text: "3") } }
        }
    }

    @Test("a session that joins no namespace is closed after 45 s, and not before")
    func connectTimeout() throws {
        let server = try ManualServer()
        let client = try server.openWebSocket()
        try advance(server, .milliseconds(44_999), answering: client)
        #expect(server.sessionCount == 1 && client.isOpen)
        server.advance(.milliseconds(1))
        #expect(try client.frame()?.opcode == 8)
        #expect(server.sessionCount == 0)
    }

    @Test("whoever has joined one stays, also when it has left again")
    func joined() throws {
        let server = try ManualServer { $0.connectTimeout = .seconds(3) }
        let client = try server.openWebSocket()
        server.advance(.milliseconds(2_999))
        try client.send(text: "40")
        #expect(try client.text()?.hasPrefix("40{") == true)
        try client.send(text: "41")
        server.advance(.seconds(10))
        #expect(server.sessionCount == 1)
        client.close()
    }

    @Test("a refusal does not count as joining")
    func refused() throws {
        let server = try ManualServer { $0.connectTimeout = .seconds(3) }
        let client = try server.openWebSocket()
        try client.send(text: "40/nowhere,")
        #expect(try client.text() == #"44/nowhere,{"message":"Invalid namespace"}"#)
        server.advance(.milliseconds(2_999))
        #expect(server.sessionCount == 1)
        server.advance(.milliseconds(1))
        #expect(server.sessionCount == 0)
    }

    @Test(
        "so many handshakes at once and per second, not one more, and not one fewer", arguments: [1, 4, 10, 50],
        [false, true])
    func handshakeRate(rate: Int, isOfAddress: Bool) throws {
        let refusal = isOfAddress ? 429 : 503
        let server = try ManualServer {
            if isOfAddress {
                $0.engine.maxHandshakesPerSecondPerAddress = rate
            } else {
                $0.engine.maxHandshakesPerSecond = rate
            }
            $0.engine.pingInterval = .seconds(3_600)
            $0.connectTimeout = .seconds(3_600)
        }
        server.advance(.seconds(100))
        func handshake() throws -> Int {
            let answer = try #require(try server.answer("GET", ManualServer.polling))
            if answer.status == refusal {
                #expect(answer.header("Retry-After") == "1" || rate == 1 && answer.header("Retry-After") == "2")
                #expect(answer.body == "Too many handshakes\(isOfAddress ? " of this address" : "")\n")
            }
            return answer.status
        }
        for _ in 0..<rate { #expect(try handshake() == 200) }
        for _ in 0..<3 { #expect(try handshake() == refusal) }
        // One comes back after its part of a second.
        let interval = TimeAmount.nanoseconds(1_000_000_000 / Int64(rate))
        for _ in 0..<3 {
            server.advance(interval - .nanoseconds(1))
            #expect(try handshake() == refusal)
            server.advance(.nanoseconds(1))
            #expect(try handshake() == 200)
            #expect(try handshake() == refusal)
        }
        // Over ten seconds ten times the rate, and the burst is no larger after a pause.
        server.advance(.seconds(60))
        var admitted = 0
        for _ in 0..<(rate + 5) where try handshake() == 200 { admitted += 1 }
        #expect(admitted == rate)
    }

    @Test("the limit of sessions holds to one")
    func sessions() throws {
        let server = try ManualServer {
            $0.engine.maxSessions = 3
            $0.engine.pingInterval = .seconds(3_600)
        }
        for _ in 0..<3 { _ = try server.openPolling() }
        let answer = try #require(try server.answer("GET", ManualServer.polling))
        #expect(answer.status == 503 && answer.body == "Too many sessions\n")
        #expect((1...5).contains(answer.header("Retry-After").flatMap { Int($0) } ?? 0))
        #expect(server.sessionCount == 3)
    }
}
