// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Glibc
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

/// Writing past NIO, and falling back to it.
@Suite struct DirectSocketTests {
    @Test func takesWhatFitsAndTheRestOtherwise() throws {
        var pair: [CInt] = [0, 0]
        #expect(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &pair) == 0)
        let socket = DirectSocket(descriptor: pair[0])
        let message = ByteBuffer(repeating: 7, count: 100_000)
        var taken = 0
        var last = message.readableBytes
        while last == message.readableBytes {
            last = socket.send(message)
            taken += last
        }
        #expect(socket.send(message) == 0, "a full socket takes nothing and does not wait")
        var received = 0
        var bytes = [UInt8](repeating: 0, count: 65536)
        while received < taken {
            let count = read(pair[1], &bytes, bytes.count)
            #expect(count > 0)
            guard count > 0 else { break }
            received += count
        }
        #expect(received == taken)
        close(pair[1])
        #expect(socket.send(message) == 0, "a broken socket takes nothing and raises no signal")
        close(pair[0])
    }

    /// The socket fills up in the middle of frames again and again; what the client reads is one unbroken stream.
    @Test func aFullSocketLosesNothingAndKeepsTheOrder() async throws {
        try await SessionTestServer.run({ $0.maxBufferedBytes = 64 << 20 }) { server in
            let wire = try await SessionWire.connect(port: server.port, receiveBuffer: 4096)
            let sid = try await server.openWebSocket(wire)
            let session = try #require(server.session(sid))
            try await wire.setReading(false)
            let filler = String(repeating: "x", count: 30_011)
            var sent = 0
            var wasBlocked = false
            for round in 0..<3 {
                for _ in 0..<150 {
                    let text = "\(sent) \(filler)"
                    wasBlocked =
                        try await session.inside { session -> Bool in
                            session.send(OutboundMessage(head: .message(.text(ByteBuffer(string: text)))))
                            return session.activeTransport.bufferedBytes > 0
                        } || wasBlocked
                    sent += 1
                }
                try await wire.setReading(true)
                for number in (round * 150)..<sent {
                    #expect(try await wire.text() == "4\(number) \(filler)")
                }
                try await wire.setReading(false)
            }
            #expect(wasBlocked)
            try await wire.setReading(true)
            try await eventually("writable again") { await server.isWritable(sid) }
        }
    }

    /// Pongs go through NIO and messages do not; they stay in the order in which they were made.
    @Test func pongsAndMessagesKeepTheirOrder() async throws {
        try await SessionTestServer.run { server in
            let wire = try await server.connect()
            _ = try await server.openWebSocket(wire)
            for number in 0..<40 {
                let ping = SessionWire.frame(opcode: 9, Array("p\(number)".utf8))
                try await wire.send(ping + SessionWire.text("4m\(number)"))
                #expect(try await wire.frame() == SessionWire.Frame(opcode: 10, payload: Array("p\(number)".utf8)))
                #expect(try await wire.text() == "4m\(number)")
            }
        }
    }
}
