// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// The events of `socket.conn`.
@Suite("Events of the connection", .timeLimit(.minutes(2)))
struct ConnectionHookTests {
    @Test(
        "packets: messages and attachments as they came, before their handlers; pongs",
        arguments: TestTransport.allCases)
    func packets(transport: TestTransport) async throws {
        try await withServer({ $0.engine.pingInterval = .milliseconds(100) }) { io, address in
            let steps = Recorder<String>()
            io.onConnection { socket in
                socket.conn.onPacket { packet in
                    switch packet {
                    case .message(.text(let bytes)): steps.append(String(buffer: bytes))
                    case .message(.binary(let bytes)): steps.append("\(bytes.readableBytes) bytes")
                    case .pong: steps.append("pong")
                    }
                }
                socket.on("event") { (number: Int, data: SocketData?) in steps.append("handled \(number)") }
            }
            let client = try await connect(1, to: address, transport: transport)[0]
            try await client.emit("event", 1)
            try await client.emit("event", 2, .binary([1, 2, 3]))
            try await eventually("all") { steps.all.contains("handled 2") }
            let seen = steps.all.filter { $0 != "pong" }
            #expect(
                seen == [
                    #"2["event",1]"#, "handled 1", #"51-["event",2,{"_placeholder":true,"num":0}]"#, "3 bytes",
                    "handled 2",
                ])
            try await eventually("a pong") { steps.all.contains("pong") }
        }
    }

    @Test("the upgrade, and the close after the sockets'", arguments: [true, false])
    func life(isClient: Bool) async throws {
        try await withServer { io, address in
            let steps = Recorder<String>()
            io.onConnection { socket in
                socket.conn.onUpgrade { steps.append("upgraded to \($0)") }
                socket.conn.onClose { reason, _ in steps.append("closed: \(reason.rawValue)") }
                socket.onDisconnect { reason in steps.append("disconnected: \(reason.rawValue)") }
            }
            let client = try await SocketTestClient.connect(to: address, transport: .polling)
            _ = try await client.join()
            try await client.engine.upgrade()
            try await eventually("the upgrade") { steps.count == 1 }
            if isClient { await client.close() } else { io.disconnectSockets(close: true) }
            #expect(try await steps.waitFor(3).prefix(1) == ["upgraded to websocket"])
            let ends =
                isClient
                ? ["disconnected: transport close", "closed: transport close"]
                : ["disconnected: server namespace disconnect", "closed: forced close"]
            #expect(Array(steps.all.suffix(2)) == ends)
        }
    }

    @Test("drained, when a client that was behind has caught up")
    func drain() async throws {
        try await withServer { io, address in
            let steps = Recorder<String>()
            io.onConnection { socket in
                socket.conn.onDrain { steps.append("drained") }
                socket.on("send") { () in
                    // More than a poll, or a socket, takes at once.
                    for _ in 0..<40 { socket.emit("much", String(repeating: "x", count: 100_000)) }
                    steps.append("sent")
                }
            }
            let client = try await connect(1, to: address, transport: .polling)[0]
            try await client.emit("send")
            for _ in 0..<40 { _ = try await client.next("much") }
            // Parts of it may have been taken before.
            try await eventually("the end, not \(steps.all)") {
                steps.all.contains("sent") && steps.all.last == "drained"
            }
        }
    }
}
