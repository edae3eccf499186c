// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

private struct Message: Codable, Sendable, Equatable {
    var id: Int
    var text: String
    var tags: [String]?
}

@Suite("Events")
struct EventTests {
    @Test("the four forms of handlers, with any number of arguments", arguments: loopCounts)
    func forms(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let heard = Recorder<String>()
            io.onConnection { socket in
                socket.on("sync") { (text: String, number: Int) in heard.append("\(text) \(number)") }
                socket.on("none") { heard.append("none") }
                socket.on("sync answer") { (a: Double, b: Double) in a * b }
                socket.on("async") { (text: String) async in
                    await Task.yield()
                    heard.append(text)
                }
                socket.on("async answer") { (message: Message) async throws -> [Message] in
                    await Task.yield()
                    return [message, message]
                }
                socket.on("ack") { (text: String, ack: Ack<String, Int>) in
                    ack(text, 1)
                    ack("twice", 2)
                }
                socket.on("ack only") { (ack: Ack<>) in ack() }
                socket.on("optional ack") { (text: String?, ack: Ack<Bool>?) in
                    heard.append("\(text ?? "nil") \(ack != nil)")
                    ack?(true)
                }
                socket.on("all", arguments: { arguments, ack in ack(relaying: arguments) })
            }
            let socket = try await connect(1, to: address)[0]
            try await socket.emit("none", 1, 2, 3)
            try await socket.emit("sync", "a", 1, "more")
            try await socket.emit("async", "b")
            _ = try await heard.waitFor(3)
            #expect(heard.all == ["none", "a 1", "b"])
            #expect(try await socket.emitWithAck("sync answer", 2, 1.5) == [3])
            let message: TestValue = ["id": 1, "text": "hé \"quoted\""]
            #expect(try await socket.emitWithAck("async answer", message) == [[message, message]])
            #expect(try await socket.emitWithAck("ack", "x") == ["x", 1])
            #expect(try await socket.emitWithAck("ack only") == [])
            #expect(try await socket.emitWithAck("optional ack", nil) == [true])
            try await socket.emit("optional ack")
            #expect(try await heard.waitFor(5).suffix(2) == ["nil true", "nil false"])
            #expect(
                try await socket.emitWithAck("all", 1, [2, ["a": nil]], .binary([1, 2])) == [
                    1, [2, ["a": nil]], .binary([1, 2]),
                ])
        }
    }

    @Test("asynchronous handlers start in the order of the events, and one that waits holds up no other")
    func asynchronousOrder() async throws {
        try await withServer { io, address in
            let started = Recorder<Int>()
            let ended = Recorder<Int>()
            let gate = Gate()
            io.onConnection { socket in
                socket.on("count") { (number: Int) async throws in
                    started.append(number)
                    socket.eventLoop.assertInEventLoop()
                    if number == 0 { try await gate.pass() }
                    ended.append(number)
                }
            }
            let socket = try await connect(1, to: address)[0]
            for number in 0..<50 { try await socket.emit("count", .number(Double(number))) }
            #expect(try await started.waitFor(50) == Array(0..<50))
            #expect(try await ended.waitFor(49) == Array(1..<50))
            gate.open()
            #expect(try await ended.waitFor(50).last == 0)
        }
    }

    @Test("work off the loop")
    func offTheLoop() async throws {
        try await withServer(loops: 1) { io, address in
            io.onConnection { socket in
                socket.on("compute") { (number: Int) async throws -> Int in
                    let result = try await offLoop {
                        #expect(!socket.eventLoop.inEventLoop)
                        return number * 2
                    }
                    return result
                }
            }
            let socket = try await connect(1, to: address)[0]
            #expect(try await socket.emitWithAck("compute", 21) == [42])
        }
    }

    @Test("binary in both directions", arguments: TestTransport.allCases)
    func binary(transport: TestTransport) async throws {
        try await withServer { io, address in
            io.onConnection { socket in
                socket.on("bytes") { (data: SocketData, more: [String: Data]) -> [SocketData] in
                    socket.emit("back", data, ["nested": [data]])
                    return more.values.map { SocketData($0) }
                }
            }
            let socket = try await connect(1, to: address, transport: transport)[0]
            let answer = try await socket.emitWithAck("bytes", .binary([1, 2, 3]), ["x": .binary([4, 5])])
            #expect(answer == [[.binary([4, 5])]])
            let back = try await socket.next("back")
            #expect(back.arguments == [.binary([1, 2, 3]), ["nested": [.binary([1, 2, 3])]]])
        }
    }

    @Test("Foundation's types as JavaScript has them")
    func foundation() async throws {
        try await withServer { io, address in
            let id = try #require(UUID(uuidString: "01234567-89AB-CDEF-0123-456789ABCDEF"))
            let url = try #require(URL(string: "https://a.example/b?c=d"))
            let heard = Recorder<Date>()
            io.onConnection { socket in
                socket.emit("values", Date(timeIntervalSince1970: 1.5), id, url, Data([9]))
                socket.on("dates") { (dates: [Date], same: UUID, link: URL) in
                    #expect(same == id)
                    #expect(link == url)
                    dates.forEach(heard.append)
                }
            }
            let socket = try await connect(1, to: address)[0]
            let event = try await socket.next("values")
            #expect(
                event.arguments == [
                    "1970-01-01T00:00:01.500Z", "01234567-89ab-cdef-0123-456789abcdef", "https://a.example/b?c=d",
                    .binary([9]),
                ])
            try await socket.emit(
                "dates", ["1970-01-01T00:00:01.500Z", "1970-01-01T00:00:02Z", 3000], event.arguments[1],
                event.arguments[2])
            #expect(try await heard.waitFor(3).map(\.timeIntervalSince1970) == [1.5, 2, 3])
        }
    }

    @Test("emit writes what JavaScript would")
    func wire() async throws {
        try await withServer { io, address in
            io.onConnection { socket in
                socket.emit("x", 1, 1.5, "é/\u{2028}", Double.nan, Optional<Int>.none, true)
                socket.emit("none")
                socket.send("text", 2)
                socket.emit("value", ["a": [1, nil, "b"]] as SocketValue)
            }
            let client = try await EngineTestClient.connect(to: address, transport: .websocket)
            try await client.send("0")
            _ = try await client.messages.next()
            #expect(try await client.messages.next() == .text("2[\"x\",1,1.5,\"é/\u{2028}\",null,null,true]"))
            #expect(try await client.messages.next() == .text("2[\"none\"]"))
            #expect(try await client.messages.next() == .text("2[\"message\",\"text\",2]"))
            #expect(try await client.messages.next() == .text("2[\"value\",{\"a\":[1,null,\"b\"]}]"))
        }
    }

    // MARK: Failures

    @Test("arguments of other types fail that event only")
    func wrongArguments() async throws {
        try await withServer { io, address in
            let errors = Recorder<SocketError.Code?>()
            io.onConnection { socket in
                socket.onError { errors.append(($0 as? SocketError)?.code) }
                socket.on("number") { (_: Int) in "fine" }
            }
            let socket = try await connect(1, to: address)[0]
            let refused: [TestValue] = [["error": ["message": "invalid arguments"]]]
            #expect(try await socket.emitWithAck("number", "x") == refused)
            #expect(try await socket.emitWithAck("number") == refused)
            #expect(try await socket.emitWithAck("number", nil) == refused)
            #expect(try await socket.emitWithAck("number", 1.5) == refused)
            try await socket.emit("number", [:])
            #expect(try await socket.emitWithAck("number", 1) == ["fine"])
            #expect(errors.all == Array(repeating: .invalidArguments, count: 5))
        }
    }

    @Test("handlers that throw fail that event only; what clients learn is theirs to say")
    func throwing() async throws {
        try await withServer { io, address in
            let errors = Recorder<String>()
            io.onConnection { socket in
                socket.onError { errors.append("\(type(of: $0))") }
                socket.on("told") { (_: Ack<Int>) in throw EventError("too late", data: ["by": 3]) }
                socket.on("secret") { () throws -> Int in throw TestClientError.timedOut("database password") }
                socket.on("later") { () async throws -> Int in
                    await Task.yield()
                    throw EventError("later")
                }
                socket.on("answered") { (ack: Ack<Int>) in
                    ack(1)
                    throw EventError("after the answer")
                }
            }
            let socket = try await connect(1, to: address)[0]
            #expect(
                try await socket.emitWithAck("told") == [["error": ["message": "too late", "data": ["by": 3]]]])
            #expect(try await socket.emitWithAck("secret") == [["error": ["message": "internal error"]]])
            #expect(try await socket.emitWithAck("later") == [["error": ["message": "later"]]])
            #expect(try await socket.emitWithAck("answered") == [1])
            #expect(try await errors.waitFor(4).count == 4)
        }
    }

    @Test("the error acknowledgement can be changed or left out")
    func errorAcknowledgement() async throws {
        try await withServer {
            $0.errorAcknowledgement = { "\($0)".contains("x") ? ["failed": true] : nil }
        } _: { io, address in
            io.onConnection { socket in
                socket.on("x") { (_: Ack<Int>) in throw EventError("x") }
                socket.on("y") { (_: Ack<Int>) in throw EventError("y") }
                socket.on("done") { true }
            }
            let socket = try await connect(1, to: address)[0]
            #expect(try await socket.emitWithAck("x") == [["failed": true]])
            await #expect(throws: TestClientError.self) {
                try await socket.emitWithAck("y", within: .milliseconds(50))
            }
            #expect(try await socket.emitWithAck("done") == [true])
        }
    }

    @Test("an argument that cannot be encoded is reported, and nothing is sent")
    func unencodable() async throws {
        struct Broken: Encodable, Sendable {
            func encode(to encoder: any Encoder) throws { throw EventError("no") }
        }
        try await withServer { io, address in
            let errors = Recorder<String>()
            io.onConnection { socket in
                socket.onError { errors.append("\($0)") }
                socket.emit("broken", 1, Broken())
                io.emit("broken", Broken())
                socket.emit("whole")
            }
            let socket = try await connect(1, to: address)[0]
            #expect(try await socket.events.next().name == "whole")
            #expect(errors.count == 1)
        }
    }

    @Test(
        "reserved names can be neither sent nor listened to",
        arguments: ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"])
    func reserved(name: String) async throws {
        try await withServer { io, address in
            let errors = Recorder<String>()
            let thrown = Recorder<String>()
            io.onConnection { socket in
                socket.onError { errors.append("\($0)") }
                socket.emit(name)
                socket.on(name) { Issue.record("handled") }
                io.emit(name)
                socket.emit(name) { thrown.append("\($0)") }
                socket.emit("whole")
            }
            let socket = try await connect(1, to: address)[0]
            #expect(try await socket.events.next().name == "whole")
            // What is said of listening may go on with what to call instead.
            #expect(errors.count == 2 && errors.all[0] == "\"\(name)\" is a reserved event name")
            #expect(errors.all[1].hasPrefix(errors.all[0]))
            #expect(thrown.count == 1)
            await #expect(throws: SocketError(.reservedEventName, "\"\(name)\" is a reserved event name")) {
                try await io.emitWithAck(name)
            }
        }
    }

    // MARK: Registration

    @Test("once, off, and several handlers of one event")
    func registration() async throws {
        try await withServer { io, address in
            let heard = Recorder<String>()
            io.onConnection { socket in
                socket.on("e") { heard.append("first") }
                let second = socket.on("e") { heard.append("second") }
                socket.once("e") { heard.append("once") }
                socket.on("off") { socket.off("e", second) }
                socket.on("off all") { socket.off("e") }
                socket.once("answer once") { 1 }
                socket.on("sync") { true }
            }
            let socket = try await connect(1, to: address)[0]
            try await socket.emit("e")
            try await socket.emit("e")
            try await socket.emit("off")
            try await socket.emit("e")
            try await socket.emit("off all")
            try await socket.emit("e")
            #expect(try await socket.emitWithAck("answer once") == [1])
            #expect(try await socket.emitWithAck("sync") == [true])
            #expect(heard.all == ["first", "second", "once", "first", "second", "first"])
        }
    }

    @Test("handlers may be registered from anywhere")
    func elsewhere() async throws {
        try await withServer { io, address in
            let connected = Inbox<Socket>("a connection")
            io.onConnection { connected.push($0) }
            let client = try await connect(1, to: address)[0]
            let socket = try await connected.next()
            socket.on("e") { socket.id }
            #expect(await io.sockets.socket(socket.id) === socket)
            #expect(try await client.emitWithAck("e") == [.string(client.id)])
        }
    }

    @Test("onAny, prependAny and offAny")
    func any() async throws {
        try await withServer { io, address in
            let heard = Recorder<String>()
            io.onConnection { socket in
                let first = socket.onAny { event, arguments in heard.append("any \(event) \(arguments.values)") }
                socket.prependAny { event, _ in heard.append("prepended \(event)") }
                socket.on("e") { (_: Int) in heard.append("handler") }
                socket.on("off") { socket.offAny(first) }
                socket.on("sync") { true }
            }
            let socket = try await connect(1, to: address)[0]
            try await socket.emit("e", 1)
            try await socket.emit("off")
            try await socket.emit("unhandled")
            #expect(try await socket.emitWithAck("sync") == [true])
            #expect(
                heard.all == [
                    "prepended e", "any e [1]", "handler", "prepended off", "any off []", "prepended unhandled",
                    "prepended sync",
                ])
        }
    }

    @Test("onAnyOutgoing hears single events and broadcasts, but no acknowledgements", arguments: loopCounts)
    func anyOutgoing(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let heard = Recorder<String>()
            io.onConnection { socket in
                guard socket.handshake.auth["listen"] == true else { return }
                let first = socket.onAnyOutgoing { event, arguments in heard.append("\(event) \(arguments.values)") }
                socket.prependAnyOutgoing { event, _ in heard.append("prepended \(event)") }
                socket.on("go") {
                    socket.emit("single", 1)
                    io.emit("everybody", SocketData([1]))
                    socket.broadcast.emit("others")
                    socket.offAnyOutgoing(first)
                    socket.emit("after")
                    return true
                }
            }
            _ = try await connect(2, to: address)
            let client = try await SocketTestClient.connect(to: address)
            let socket = try await client.join("/", auth: ["listen": true])
            #expect(try await socket.emitWithAck("go") == [true])
            #expect(try await socket.next("after").arguments == [])
            #expect(
                heard.all == [
                    "prepended single", "single [1]", "prepended everybody", "everybody [<1 bytes>]",
                    "prepended after",
                ] || heard.count == 5)
        }
    }

    // MARK: Middlewares

    @Test("middlewares of events run one event at a time, may change it, drop it, and keep the order")
    func middlewares() async throws {
        try await withServer { io, address in
            let heard = Recorder<String>()
            let errors = Recorder<String>()
            io.onConnection { socket in
                socket.onError { errors.append(($0 as? EventError)?.message ?? "?") }
                socket.use { event in
                    if event.name == "slow" { for _ in 0..<20 { await Task.yield() } }
                    if event.name == "drop" { throw EventError("dropped") }
                }
                socket.use { event in
                    if event.name == "rename" {
                        try event.setArguments("changed", 2)
                        event.name = "renamed"
                    }
                    if event.name == "early" { event.ack("from the middleware") }
                }
                socket.onAny { event, _ in heard.append("any \(event)") }
                socket.on("slow") { heard.append("slow") }
                socket.on("fast") { heard.append("fast") }
                socket.on("drop") { heard.append("never") }
                socket.on("renamed") { (text: String, number: Int) in heard.append("\(text) \(number)") }
                socket.on("early") { "too late" }
                socket.on("sync") { true }
            }
            let socket = try await connect(1, to: address)[0]
            for event in ["slow", "fast", "drop", "rename"] { try await socket.emit(event) }
            #expect(try await socket.emitWithAck("early") == ["from the middleware"])
            #expect(try await socket.emitWithAck("sync") == [true])
            #expect(
                heard.all.filter { !$0.hasPrefix("any") } == ["slow", "fast", "changed 2"])
            #expect(heard.all.filter { $0.hasPrefix("any") }.count == 6)
            #expect(errors.all == ["dropped"])
        }
    }

    @Test("events waiting for a middleware are bounded in bytes over all sockets of a client")
    func waitingBytes() async throws {
        try await withServer {
            $0.maxWaitingBytes = 3_000
        } _: { io, address in
            let gate = Gate()
            let reasons = Recorder<DisconnectReason>()
            for name in ["/", "/other"] {
                io.of(name).onConnection { socket in
                    socket.use { _ in try await gate.pass() }
                    socket.onDisconnect { reasons.append($0) }
                }
            }
            let client = try await SocketTestClient.connect(to: address)
            let (main, other) = (try await client.join("/"), try await client.join("/other"))
            let kilobyte = TestValue.string(String(repeating: "x", count: 1_000))
            // The first of each is with the middleware and no longer waits, however large it is.
            for socket in [main, other] {
                try await socket.emit("e", .string(String(repeating: "x", count: 10_000)))
                try await socket.emit("e", kilobyte)
            }
            // Answered after everything before it.
            _ = io.of("/third")
            try await client.join("/third")
            #expect(reasons.count == 0)
            try await main.emit("e", .binary([UInt8](repeating: 0, count: 1_000)))
            #expect(try await reasons.waitFor(2) == [.forcedServerClose, .forcedServerClose])
            gate.open()
        }
    }

    @Test("what no longer waits leaves room for others")
    func waitingBytesAreGivenBack() async throws {
        try await withServer {
            $0.maxWaitingBytes = 3_000
        } _: { io, address in
            let handled = Recorder<Int>()
            io.onConnection { socket in
                socket.use { _ in await Task.yield() }
                socket.on("e") { (text: String) -> Int in
                    handled.append(text.count)
                    return text.count
                }
            }
            let socket = try await connect(1, to: address)[0]
            for _ in 0..<20 { _ = try await socket.emitWithAck("e", .string(String(repeating: "x", count: 2_500))) }
            #expect(handled.all == [Int](repeating: 2_500, count: 20))
        }
    }

    @Test("events waiting for a middleware are bounded, and gone with the socket")
    func waitingLimit() async throws {
        try await withServer {
            $0.maxWaitingEvents = 3
        } _: { io, address in
            let gate = Gate()
            let reasons = Recorder<DisconnectReason>()
            io.onConnection { socket in
                socket.use { _ in try await gate.pass() }
                socket.on("e") { Issue.record("handled after the end") }
                socket.onDisconnect { reasons.append($0) }
            }
            let socket = try await connect(1, to: address)[0]
            for _ in 0..<4 { try await socket.emit("e") }
            try await eventually("one more fits") { reasons.count == 0 }
            try await socket.emit("e")
            #expect(try await reasons.waitFor(1) == [.forcedServerClose])
            gate.open()
        }
    }
}
