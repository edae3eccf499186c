// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import ProcessTesting
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// Names and texts of nearly a megabyte of combining marks, from the network to whatever a handler does with them. Each of
/// these held up the event loop for minutes once; what is allowed here is what a slow machine needs for a megabyte.
@Suite("A megabyte of combining marks holds up nobody", .serialized)
struct HostileNameTests {
    private static let patience = Duration.seconds(20)
    private static let marks = HostileText.marks(bytes: 900_000)

    /// Does with a text and a value what applications do.
    private static func mount(_ io: Server) {
        io.onConnection { socket in
            socket.on("work") { (text: String, value: SocketValue) in
                socket.join(text, "room:" + text)
                socket.leave(text)
                socket.data = value
                socket.withData { $0[text] = 1 }
                io.to(text).to("a").except(text).emit("x", value)
                _ = socket.rooms.contains(text)
                _ = value[text] == value["b"]
                _ = socket.handshake.auth[text]
            }
            socket.on("look") { (text: String) async throws -> Int in
                let found = try await io.in([text, "a"]).fetchSockets().count
                let all = try await io.adapter.sockets(in: [text]).count
                return try await found + all + io.in(text).except(text).count()
            }
            socket.on("relay") { (value: RawJSON) in value }
            socket.on("echo") { (number: Int) in number }
            socket.onAny { _, _ in }
        }
    }

    /// What a client can send before and after it has joined, each as one packet of Socket.IO.
    private static let packets: [(name: String, first: String, second: String?)] = [
        ("auth, a key", #"0{"\#(marks)":1,"b":2}"#, nil),
        ("auth, a value", #"0{"name":"\#(marks)","token":"\#(marks.prefix(maximumBytes: 60_000))"}"#, nil),
        (
            "auth, many keys",
            "0{" + (0..<900).map { #""\#($0)\#(HostileText.marks(bytes: 900))":1"# }.joined(separator: ",") + "}", nil
        ),
        ("a namespace", "0/\(marks),", nil),
        ("an event's name", "0", #"2["\#(marks)",1]"#),
        ("arguments", "0", #"2["work","\#(marks)",{"b":1}]"#),
        ("an argument's keys", "0", #"2["work","a",{"\#(marks)":1,"b":{"\#(marks.prefix(maximumBytes: 60_000))":2}}]"#),
        ("a short event of another namespace", "0", #"2/\#(HostileText.marks(bytes: 400)),["work","a",{}]"#),
        ("a question", "0", #"20["look","\#(marks)"]"#),
        ("what is relayed", "0", #"21["relay",{"\#(marks)":1}]"#),
        ("the answer to nothing", "0", #"31["\#(marks)"]"#),
    ]

    @Test("every way in", arguments: packets.map(\.name), [TestTransport.websocket, .polling])
    func everyWayIn(name: String, transport: TestTransport) async throws {
        guard let packet = Self.packets.first(where: { $0.name.hasSameBytes(as: name) }) else { return }
        try await withServer(loops: 1) { io, address in
            Self.mount(io)
            let neighbour = try await connect(1, to: address)[0]
            let hostile = try await EngineTestClient.connect(to: address, transport: transport)
            // The session may well be ended for it; what counts is how long the others wait.
            try? await hostile.send(packet.first)
            if let second = packet.second { try? await hostile.send(second) }
            for _ in 0..<3 { #expect(try await neighbour.emitWithAck("echo", 7, within: Self.patience) == [7]) }
            await hostile.close()
        }
    }

    @Test("a query, headers and cookies", arguments: [TestTransport.websocket, .polling])
    func requests(transport: TestTransport) async throws {
        try await withServer(loops: 1) { io, address in
            Self.mount(io)
            io.use { socket in _ = socket.handshake.query["token"] ?? socket.handshake.query["b"] }
            let neighbour = try await connect(1, to: address)[0]
            let text = HostileText.marks(bytes: 3000)
            let encoded = text.utf8.map { "%" + String($0, radix: 16) }.joined()
            for (query, headers) in [
                (["token=\(encoded)", "\(encoded)=1"], []),
                ([], [("X-Name", text), ("Cookie", "io=\(text)"), ("Origin", "http://\(text)")]),
                ([], [("Accept-Encoding", text + "," + text), ("X-Forwarded-For", text), ("Authorization", text)]),
                (["sid=\(encoded)"], []), (["EIO=\(encoded)"], []),
            ] as [([String], [(String, String)])] {
                for _ in 0..<20 {
                    let client = try? await SocketTestClient.connect(
                        to: address, transport: transport, query: query,
                        headers: headers.map { (name: $0.0, value: $0.1) })
                    await client?.close()
                }
            }
            #expect(try await neighbour.emitWithAck("echo", 1, within: Self.patience) == [1])
        }
    }
}
