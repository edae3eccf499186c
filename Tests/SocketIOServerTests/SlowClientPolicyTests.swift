// Part of socketio-server, MIT licence; see LICENSE.

import LoopConfinement
import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// What applications choose for slow clients: policies of namespaces and sockets, coalescing, suspending.
@Suite struct SlowClientPolicyTests {
    /// A long-polling client that asks only when it is told to.
    private struct RareClient {
        let connection: HTTPTestConnection
        let target: String

        init(_ address: ServerAddress, namespaces: [String] = ["/"]) async throws {
            connection = try await HTTPTestConnection.connect(to: address)
            let path = "/socket.io/?EIO=4&transport=polling"
            let open = try await connection.request(HTTPTestRequest("GET", path)).text
            let parts = open.split(separator: "\"")
            try #require(parts.count > 3)
            target = path + "&sid=" + parts[3]
            for namespace in namespaces { try await post(namespace == "/" ? "40" : "40\(namespace),") }
            var joined = 0
            while joined < namespaces.count { joined += try await poll().count { $0.hasPrefix("40") } }
        }

        func post(_ body: String) async throws {
            let response = try await connection.request(
                HTTPTestRequest(
                    "POST", target, headers: [("Content-Type", "text/plain;charset=UTF-8")], body: Array(body.utf8)))
            #expect(response.status == 200)
        }

        func poll() async throws -> [String] {
            try await connection.request(HTTPTestRequest("GET", target)).text.split(separator: "\u{1e}").map(
                String.init)
        }

        func poll(until count: Int) async throws -> [String] {
            var packets: [String] = []
            while packets.count < count { packets += try await poll() }
            return packets
        }
    }

    /// Five of these pass the bound of 7,000: each takes a buffer of 1 KiB, and 512 bytes beside it.
    private static let filler = String(repeating: "x", count: 900)

    private static func letFourWait(_ configuration: inout ServerConfiguration) {
        configuration.engine.maxBufferedBytes = 7000
        configuration.engine.slowClientTimeout = .seconds(3_600)
        configuration.engine.httpCompression = nil
    }

    private static func numbers(_ packets: [String]) -> [Int] {
        packets.compactMap { packet in packet.split(separator: ",").dropFirst().first.flatMap { Int($0) } }
    }

    /// The socket's own, else the namespace's, else the server's.
    @Test(arguments: [
        (SlowClientPolicy?.none, SlowClientPolicy?.none, SlowClientPolicy.dropNewest, [0, 1, 2, 3]),
        (nil, .dropOldest, .disconnect, [2, 3, 4, 5]),
        (.dropNewest, .dropOldest, .disconnect, [0, 1, 2, 3]),
        (.dropOldest, nil, .disconnect, [2, 3, 4, 5]),
    ])
    func theNearestPolicyCounts(
        socketPolicy: SlowClientPolicy?, namespacePolicy: SlowClientPolicy?, serverPolicy: SlowClientPolicy,
        expected: [Int]
    ) async throws {
        try await withServer({
            Self.letFourWait(&$0)
            $0.engine.slowClientPolicy = serverPolicy
        }) { io, address in
            let sockets = Recorder<Socket>()
            let dropped = Recorder<Int>()
            io.sockets.slowClientPolicy = namespacePolicy
            #expect(io.sockets.slowClientPolicy == namespacePolicy)
            io.onConnection { socket in
                socket.slowClientPolicy = socketPolicy
                socket.onMessagesDropped { dropped.append($0) }
                sockets.append(socket)
            }
            let client = try await RareClient(address)
            let socket = try await sockets.waitFor(1)[0]
            // Both ways out: the general one, and the short one on the event loop.
            for number in 0..<3 { socket.emit("n", number, Self.filler) }
            socket.onLoop { for number in 3..<6 { socket.emit("n", number, Self.filler) } }
            try await eventually("two dropped") { dropped.all.reduce(0, +) == 2 }
            #expect(Self.numbers(try await client.poll(until: 4)) == expected)
            #expect(socket.connected)
        }
    }

    /// One connection, two namespaces: only what may be dropped is.
    @Test func namespacesOfAConnectionHaveTheirOwn() async throws {
        try await withServer({ Self.letFourWait(&$0) }) { io, address in
            let sockets = Recorder<Socket>()
            io.of("/ticker").slowClientPolicy = .dropOldest
            for namespace in [io.sockets, io.of("/ticker")] { namespace.onConnection { sockets.append($0) } }
            let client = try await RareClient(address, namespaces: ["/", "/ticker"])
            let all = try await sockets.waitFor(2)
            let plain = try #require(all.first { $0.namespace.name == "/" })
            let ticker = try #require(all.first { $0.namespace.name == "/ticker" })
            plain.emit("n", 0, Self.filler)
            plain.emit("n", 1, Self.filler)
            for number in 2..<8 { io.of("/ticker").emit("n", number, Self.filler) }
            // What was emitted is there before the client asks.
            await withCheckedContinuation { continuation in ticker.onLoop { continuation.resume() } }
            let packets = try await client.poll(until: 4)
            #expect(packets.count { $0.hasPrefix("42[") } == 2)
            let ofTicker = packets.filter { $0.hasPrefix("42/ticker,") }
            #expect(ofTicker.map { $0.dropFirst("42/ticker,[\"n\",".count).prefix(1) } == ["6", "7"])
            #expect(ticker.connected)
            // What may not be dropped ends the connection.
            let reasons = Recorder<String>()
            plain.onDisconnect { reasons.append("\($0.rawValue)|\($1 ?? "")") }
            ticker.onDisconnect { reasons.append("\($0.rawValue)|\($1 ?? "")") }
            for number in 8..<14 { plain.emit("n", number, Self.filler) }
            let expected = "transport error|slow client: more than maxBufferedBytes waited"
            #expect(try await reasons.waitFor(2) == [expected, expected])
        }
    }

    /// Handlers hear why, and how many were dropped before.
    @Test func handlersHearTheReason() async throws {
        try await withServer({
            Self.letFourWait(&$0)
            $0.engine.slowClientPolicy = .dropNewest
        }) { io, address in
            let sockets = Recorder<Socket>()
            let reasons = Recorder<String>()
            let dropped = Recorder<Int>()
            io.onConnection { socket in
                socket.onMessagesDropped { dropped.append($0) }
                socket.onDisconnect { reasons.append("\($0.rawValue)|\($1 ?? "")") }
                sockets.append(socket)
            }
            _ = try await RareClient(address)
            let socket = try await sockets.waitFor(1)[0]
            for number in 0..<6 { socket.emit("n", number, Self.filler) }
            try await eventually("two dropped") { dropped.all.reduce(0, +) == 2 }
            socket.slowClientPolicy = .disconnect
            socket.emit("n", 6, Self.filler)
            #expect(
                try await reasons.waitFor(1) == [
                    "transport error|slow client: more than maxBufferedBytes waited, 2 messages were dropped before"
                ])
        }
    }

    // MARK: Coalescing

    @Test func aWaitingEventIsReplaced() async throws {
        try await withServer({ $0.engine.httpCompression = nil }) { io, address in
            let sockets = Recorder<Socket>()
            for namespace in [io.sockets, io.of("/other")] { namespace.onConnection { sockets.append($0) } }
            let client = try await RareClient(address, namespaces: ["/", "/other"])
            let socket = try #require(try await sockets.waitFor(2).first { $0.namespace.name == "/" })
            for number in 0..<10 {
                socket.coalescing("a").emit("mine", number)
                io.coalescing("a").compress(false).emit("all", number)
                io.of("/other").coalescing("a").emit("other", number)
                socket.emit("plain", number)
            }
            // A poll that came before them would get all of them: once for what was sent, and once for the end of its tick.
            for _ in 0..<2 { try await socket.eventLoop.submit {}.get() }
            // The key is one for a socket and for broadcasts of its namespace.
            let packets = try await client.poll(until: 12)
            #expect(
                packets == (0..<9).map { "42[\"plain\",\($0)]" }
                    + ["42[\"all\",9]", "42/other,[\"other\",9]", "42[\"plain\",9]"])
        }
    }

    /// A client that keeps up gets everything.
    @Test func nothingIsReplacedThatDoesNotWait() async throws {
        try await withServer { io, address in
            let client = try await connect(1, to: address)[0]
            for number in 0..<50 { io.coalescing("a").emit("n", number) }
            for number in 0..<50 { #expect(try await client.next("n").arguments == [.number(Double(number))]) }
        }
    }

    // MARK: Suspending

    @Test func anEmitWaitsForRoom() async throws {
        try await withServer({
            Self.letFourWait(&$0)
            $0.engine.slowClientBytes = 2000
        }) { io, address in
            let sockets = Recorder<Socket>()
            io.onConnection { sockets.append($0) }
            let client = try await RareClient(address)
            let socket = try await sockets.waitFor(1)[0]
            let sent = Recorder<Int>()
            let task = Task {
                for number in 0..<30 {
                    try await socket.suspending.emit("n", number, Self.filler)
                    sent.append(number)
                }
            }
            // 2,000 bytes are passed with the second.
            _ = try await sent.waitFor(2)
            #expect(sent.count == 2)
            #expect(Self.numbers(try await client.poll(until: 30)) == Array(0..<30))
            try await task.value
            #expect(socket.connected)
        }
    }

    @Test func aBroadcastWaitsForTheSlowest() async throws {
        try await withServer({
            Self.letFourWait(&$0)
            $0.engine.slowClientBytes = 2000
        }) { io, address in
            let slow = try await RareClient(address)
            let fast = try await connect(3, to: address)
            let task = Task {
                for number in 0..<20 { try await io.suspending.emit("n", number, Self.filler) }
            }
            for client in fast { #expect(try await client.next("n").arguments.first == .number(0)) }
            #expect(Self.numbers(try await slow.poll(until: 20)) == Array(0..<20))
            for client in fast {
                for number in 1..<20 { #expect(try await client.next("n").arguments.first == .number(Double(number))) }
            }
            try await task.value
        }
    }

    @Test func aWaitEndsWithTheClientOrTheTask() async throws {
        try await withServer({
            Self.letFourWait(&$0)
            $0.engine.slowClientBytes = 1000
        }) { io, address in
            let sockets = Recorder<Socket>()
            io.onConnection { sockets.append($0) }
            _ = try await RareClient(address)
            let socket = try await sockets.waitFor(1)[0]
            try await socket.suspending.emit("n", 0, Self.filler)
            // Cancelled tasks send nothing, also when they wait behind one another.
            let cancelled = (0..<3).map { number in Task { try await socket.suspending.emit("n", number) } }
            for task in cancelled { task.cancel() }
            for task in cancelled {
                await #expect(throws: CancellationError.self) { try await task.value }
            }
            let waiting = Task { try await socket.suspending.emit("n", 9) }
            let broadcast = Task { try await io.suspending.emit("n", 9) }
            try await eventually("both wait") {
                // Those that were cancelled are still in front.
                await socket.core.get { $0.client.session.waiterCount == 5 }
            }
            socket.disconnect(close: true)
            let error = await #expect(throws: SocketError.self) { try await waiting.value }
            #expect(error?.code == .disconnected)
            try await broadcast.value
            await #expect(throws: SocketError.self) { try await socket.suspending.emit("n", 1) }
        }
    }
}
