// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Foundation
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

@Suite struct ShardSendingTests {
    typealias Server = SessionTestServer

    private static func text(_ text: String) -> OutboundMessage {
        OutboundMessage(head: .message(.text(ByteBuffer(string: text))))
    }

    @Test(arguments: [1, 2])
    func aBroadcastReachesEverySessionInOrder(loops: Int) async throws {
        try await Server.run(loops: loops) { server in
            var wires: [SessionWire] = []
            for _ in 0..<10 {
                let wire = try await server.connect()
                _ = try await server.openWebSocket(wire)
                wires.append(wire)
            }
            let polling = try await server.connect()
            let sid = try await server.openPolling(polling)
            for round in 0..<50 {
                for shard in server.engine.shards {
                    shard.run { shard in
                        let first = shard.stage(Self.text("first \(round)"))
                        let second = shard.stage(
                            OutboundMessage(
                                head: OutboundPacket.message(.text(ByteBuffer(string: "second \(round)"))),
                                attachments: [.binary(ByteBuffer(bytes: [UInt8(round)]))]))
                        for session in shard.allSessions() {
                            shard.send(first, to: session)
                            if round % 2 == 0 { shard.send(second, to: session) }
                        }
                    }
                }
            }
            for wire in wires {
                for round in 0..<50 {
                    #expect(try await wire.text() == "4first \(round)")
                    guard round % 2 == 0 else { continue }
                    #expect(try await wire.text() == "4second \(round)")
                    #expect(try await wire.frame() == SessionWire.Frame(opcode: 2, payload: [UInt8(round)]))
                }
            }
            var polled: [Substring] = []
            while polled.count < 100 {
                let body = try await polling.get(Server.target("polling", sid)).body
                polled += body.split(separator: "\u{1e}").map { $0 }
            }
            #expect(polled.prefix(4) == ["4first 0", "4second 0", "bAA==", "4first 1"])
        }
    }

    @Test func workFromElsewhereKeepsItsOrder() async throws {
        try await Server.run(loops: 2) { server in
            let wire = try await server.connect()
            let sid = try await server.openWebSocket(wire)
            let session = try #require(server.session(sid))
            for number in 0..<1000 { session.send(Self.text("\(number)")) }
            for number in 0..<1000 { #expect(try await wire.text() == "4\(number)") }
        }
    }

    /// A loop that wakes up late finds work of others and bytes of clients at once. The work goes first: the client may
    /// have acted on it.
    @Test func workFromElsewhereGoesBeforeWhatClientsSentLater() async throws {
        let log = NIOLockedValueBox<[String]>([])
        let server: (SessionTestServer) async throws -> Void = { server in
            let wire = try await server.connect()
            let sid = try await server.openWebSocket(wire)
            let session = try #require(server.session(sid))
            try await session.inside { session in
                let transport = try #require(session.activeTransport as? WebSocketTransport)
                let context = try #require(transport.context)
                let isDone = DispatchSemaphore(value: 0)
                let inbox = session.home
                Thread.detachNewThread {
                    inbox.run { log.withLockedValue { $0.append("work") } }
                    isDone.signal()
                }
                isDone.wait()
                let bytes = ByteBuffer(bytes: SessionWire.text("4message"))
                context.channel.pipeline.syncOperations.fireChannelRead(NIOAny(bytes))
            }
            #expect(log.withLockedValue { $0 } == ["work", "message"])
        }
        try await Server.run(onMessage: { _, _ in log.withLockedValue { $0.append("message") } }, server)
    }

    @Test func aSessionIsWritableOncePerTick() async throws {
        try await Server.run { server in
            let wire = try await server.connect()
            let sid = try await server.openWebSocket(wire)
            let session = try #require(server.session(sid))
            let states = try await session.inside { session -> [Bool] in
                var states = [session.isWritable]
                session.send(Self.text("a"))
                states.append(session.isWritable)
                return states
            }
            #expect(states == [true, false])
            #expect(try await wire.text() == "4a")
            #expect(try await session.inside { session in session.isWritable })

            let polling = try await server.connect()
            let other = try await server.openPolling(polling)
            #expect(await server.isWritable(other) == false)
            try await polling.send("GET \(Server.target("polling", other)) HTTP/1.1\r\nHost: x\r\n\r\n")
            try await eventually("held poll") { await server.isWritable(other) }
        }
    }

    /// A client that never reads costs `maxBufferedBytes` and then its session, nothing more.
    @Test(arguments: [1, 2])
    func aSlowReaderIsDisconnected(loops: Int) async throws {
        try await Server.run(loops: loops, { $0.maxBufferedBytes = 256 * 1024 }) { server in
            let slow = try await SessionWire.connect(port: server.port, receiveBuffer: 4096)
            let slowSid = try await server.openWebSocket(slow)
            try await slow.setReading(false)
            let fast = try await server.connect()
            let fastSid = try await server.openWebSocket(fast)
            let payload = String(repeating: "x", count: 10_000)
            let message = Self.text(payload)
            let (first, second) = (try #require(server.session(slowSid)), try #require(server.session(fastSid)))
            var largest = 0
            for round in 0..<10_000 {
                let buffered = try await first.inside { first -> Int in
                    first.send(message)
                    return first.waitingBytes
                }
                largest = max(largest, buffered)
                if round < 100 {
                    second.send(message)
                    #expect(try await fast.text() == "4" + payload)
                }
                if server.log.closeReason(slowSid) != nil { break }
            }
            #expect(
                server.log.closeReason(slowSid) == "transport error|slow client: more than maxBufferedBytes waited")
            #expect(largest <= 256 * 1024 + 20_000)
            #expect(second.id == fastSid)
            second.send(Self.text("still here"))
            #expect(try await fast.text(within: .seconds(5)) == "4still here")
        }
    }

    /// A reader that is merely slow loses nothing.
    @Test func whatWaitsIsDeliveredInOrder() async throws {
        try await Server.run({ $0.maxBufferedBytes = 64 * 1024 * 1024 }) { server in
            let wire = try await SessionWire.connect(port: server.port, receiveBuffer: 4096)
            let sid = try await server.openWebSocket(wire)
            let session = try #require(server.session(sid))
            try await wire.setReading(false)
            let filler = String(repeating: "x", count: 20_000)
            for number in 0..<1000 { session.send(Self.text("\(number) \(filler)")) }
            try await eventually("a busy transport") { await server.isWritable(sid) == false }
            for number in 1000..<1010 { session.send(Self.text("\(number) \(filler)")) }
            session.close()
            try await wire.setReading(true)
            for number in 0..<1010 { #expect(try await wire.text() == "4\(number) \(filler)") }
            #expect(try await wire.frame().opcode == 8)
            #expect(try await server.closeReason(sid) == "forced close|")
        }
    }

    @Test func aPollingClientThatStaysAwayIsDisconnected() async throws {
        try await Server.run({ $0.maxBufferedBytes = 64 * 1024 }) { server in
            let (_, sid, session) = try await server.pollingClient()
            let message = Self.text(String(repeating: "x", count: 10_000))
            for _ in 0..<10 { session.send(message) }
            #expect(
                try await server.closeReason(sid) == "transport error|slow client: more than maxBufferedBytes waited")
        }
    }

    @Test(arguments: [SlowClientPolicy.dropOldest, .dropNewest])
    func dropsInsteadWhenToldTo(policy: SlowClientPolicy) async throws {
        try await Server.run({
            // Room for three: each takes a buffer of 1 KiB, and 512 bytes beside it.
            $0.maxBufferedBytes = 5000
            $0.slowClientPolicy = policy
        }) { server in
            let (wire, sid, session) = try await server.pollingClient()
            let filler = String(repeating: "x", count: 1000)
            try await session.inside { session in
                for number in 0..<6 { session.send(Self.text("\(number)\(filler)")) }
            }
            // Once the tick is over, all of it had to go somewhere.
            try await eventually("the backlog") {
                try await session.inside { session in session.hasBacklog }
            }
            let body = try await wire.get(Server.target("polling", sid)).body
            let numbers = body.split(separator: "\u{1e}").map { String($0.prefix(2)) }
            #expect(numbers == (policy == .dropOldest ? ["43", "44", "45"] : ["40", "41", "42"]))
        }
    }

    /// Handlers may send and close from inside each other's closing.
    @Test func handlersMaySendWhileSessionsEnd() async throws {
        try await Server.run(onMessage: { session, _ in
            for other in session.shard.allSessions() {
                other.send(Self.text("bye"))
                other.close()
            }
        }) { server in
            var wires: [SessionWire] = []
            for _ in 0..<3 {
                let wire = try await server.connect()
                _ = try await server.openWebSocket(wire)
                wires.append(wire)
            }
            try await wires[0].sendText("4x")
            for wire in wires {
                #expect(try await wire.text() == "4bye")
                #expect(try await wire.frame().opcode == 8)
            }
            try await eventually("all closed") { server.engine.clientsCount == 0 }
        }
    }
}
