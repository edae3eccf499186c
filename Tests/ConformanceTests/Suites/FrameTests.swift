// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOServer
import NIOCore
import SocketIOTesting
import Testing

/// The classes of frames of the Autobahn suite, 1–7 and 10, over a real socket on our WebSocket stack.
@Suite("WebSocket frames")
struct FrameTests {
    @Test("A plain echo endpoint answers as RFC 6455 asks", arguments: [0, 1])
    func echo(pieces: Int) async throws {
        try await ServerUnderTest.webSocketEcho { address in
            for item in FrameCase.all {
                // The second run cuts what is short enough into single bytes (docs/security.md, attack 28).
                let bytes = item.frames.flatMap(\.encoded)
                guard pieces == 0 || item.piece == 0 && bytes.count <= 600 else { continue }
                do {
                    try await check(item, bytes, piece: pieces == 1 ? 1 : item.piece, address)
                } catch {
                    Issue.record("\(item.name): \(error)")
                }
            }
        }
    }

    private func check(_ item: FrameCase, _ bytes: [UInt8], piece: Int, _ address: ServerAddress) async throws {
        let socket = try await WebSocketTestClient.connect(to: address, path: "/")
        try await socket.connection.setAutomaticReplies(false)
        let writing = Task {
            if piece == 0 {
                try await socket.connection.write(bytes)
            } else {
                try await socket.connection.write(bytes, inPiecesOf: piece)
            }
        }
        var received: [WebSocketTestMessage] = []
        var closed: WebSocketTestMessage?
        do {
            while received.count < item.answers.count || item.closeCode != nil {
                let message = try await socket.next()
                if case .close = message {
                    closed = message
                    break
                }
                received.append(message)
            }
        } catch TestClientError.closed {}
        // The server may stop reading once it has closed: what cannot be written any more does not count.
        _ = try? await writing.value
        if item.closeCode == 1008, item.name.contains("1,000 pings") {
            #expect(received.count <= 50, "\(item.name): at most the budget is answered")
        } else {
            #expect(received == item.answers, "\(item.name)")
        }
        if let code = item.closeCode {
            guard case .close(let sent, let reason) = closed else {
                Issue.record("\(item.name): no close frame, \(code) expected")
                return
            }
            let allowed: [UInt16] = code == FrameCase.eitherTooBigOrInvalid ? [1009, 1002] : [code]
            #expect(allowed.contains(sent ?? 1005), "\(item.name): \(sent.map(String.init) ?? "no code") \(reason)")
            try await socket.connection.waitUntilClosed()
        } else {
            try await socket.send(.close(1000))
            #expect(try await socket.closeCode() == 1000, "\(item.name): must still be open")
        }
    }

    @Test("An Engine.IO endpoint closes with the same codes")
    func engine() async throws {
        try await ServerUnderTest.engineEcho(configure: { $0.pingInterval = .seconds(25) }) { address in
            for item in FrameCase.all where item.answers.isEmpty && item.closeCode != nil {
                let socket = try await WebSocketTestClient.connect(
                    to: address, path: "/engine.io/?EIO=4&transport=websocket")
                #expect(try await socket.nextText().hasPrefix("0{"))
                let bytes = item.frames.flatMap(\.encoded)
                let writing = Task { try await socket.connection.write(bytes) }
                let code = try await socket.closeCode()
                _ = try? await writing.value
                let wanted = item.closeCode ?? 0
                // 6 "at the end" and empty texts are no Engine.IO packets either: those close without a code.
                let allowed = wanted == FrameCase.eitherTooBigOrInvalid ? [1009, 1002] : [wanted]
                #expect(allowed.contains(code), "\(item.name): \(code)")
            }
            // The process lives.
            let client = try await EngineTestClient.connect(to: address, path: "/engine.io/", transport: .websocket)
            try await client.send("alive")
            #expect(try await client.messages.next() == .text("alive"))
            await client.close()
        }
    }
}
