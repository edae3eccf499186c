// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import SocketIOCore
internal import Testing

@testable internal import SocketIOServer

/// An emit on the event loop is mostly written in place; a list of arguments, a listener for outgoing events or another thread
/// make it take the encoder. The client sees no difference.
@Suite("Ways of an emit")
struct EmitWaysTests {
    @Test("events and acknowledgements in place and through the encoder")
    func sameTexts() throws {
        let server = try ManualServer { $0.engine.pingInterval = .seconds(3_600) }
        server.io.onConnection { socket in
            socket.on("short", arguments: { _, ack in ack(7, "a\"\u{7f}ä", true, nil as Int?) })
            socket.on("list", arguments: { _, ack in ack(arguments: [.int(7), "a\"\u{7f}ä", true, .null]) })
            socket.on("relay", arguments: { arguments, ack in ack(relaying: arguments) })
        }
        let (client, socket) = try server.join()
        socket.emit("e", 1, "a\"\u{7f}ä", -0.5, false)
        let short = try #require(try client.text())
        socket.emit("e", arguments: [.int(1), "a\"\u{7f}ä", .double(-0.5), false])
        #expect(try client.text() == short)
        socket.compress(false).emit("e", 1, "a\"\u{7f}ä", -0.5, false)
        #expect(try client.text() == short)
        socket.volatile.emit("e", 1, "a\"\u{7f}ä", -0.5, false)
        #expect(try client.text() == short)

        try client.send(text: #"421["short",7]"#)
        let answer = try #require(try client.text())
        #expect(answer.hasPrefix("431[7,"))
        try client.send(text: #"421["list",7]"#)
        #expect(try client.text() == answer)
        try client.send(text: #"421["relay",\#(answer.dropFirst(4))"#)
        #expect(try client.text() == answer)
        client.close()
    }

    @Test("reserved names, listeners for outgoing events and sockets that have gone, in both ways")
    func sameRules() throws {
        let server = try ManualServer { $0.engine.pingInterval = .seconds(3_600) }
        let (client, socket) = try server.join()
        let errors = NIOLockedValueBox(0)
        socket.onError { _ in errors.withLockedValue { $0 += 1 } }
        socket.emit("disconnect", 1)
        socket.emit("disconnect", arguments: [.int(1)])
        #expect(errors.withLockedValue { $0 } == 2)
        #expect(try client.text() == nil)

        let heard = NIOLockedValueBox<[String]>([])
        let id = socket.onAnyOutgoing { event, arguments in
            heard.withLockedValue { $0.append("\(event) \(arguments.values)") }
        }
        socket.emit("e", 1)
        socket.emit("e", arguments: [.int(1)])
        #expect(heard.withLockedValue { Set($0).count } == 1 && heard.withLockedValue { $0.count } == 2)
        #expect(try client.text() == client.text())
        socket.offAnyOutgoing(id)

        socket.disconnect()
        _ = try client.text()
        socket.emit("e", 1)
        socket.emit("e", arguments: [.int(1)])
        #expect(try client.text() == nil)
        client.close()
    }
}
