// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOConcurrencyHelpers
import NIOCore
import SocketIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// Messages that clients send again and that are handled once.
@Suite("Handled messages")
struct HandledMessagesTests {
    private func key(_ id: String, _ sender: String = "s") -> HandledMessageTable.Key {
        HandledMessageTable.Key(sender: ExactName(sender), id: ExactName(id))
    }

    private func table(_ messages: Int = 100, bytes: Int = 1 << 20) -> HandledMessageTable {
        HandledMessageTable(maximumMessages: messages, maximumBytes: bytes, lifetime: .seconds(10))
    }

    private func step(_ step: HandledMessageTable.Step) -> String {
        switch step {
        case .handle: "handle"
        case .wait: "wait"
        case .answered(let answer): answer.json
        }
    }

    @Test("A message is handled by the first call, and answered from then on")
    func steps() throws {
        var table = table()
        let now = NIODeadline.now()
        #expect(step(table.begin(key("a"), now: now)) == "handle")
        #expect(step(table.begin(key("a"), now: now)) == "wait")
        // Ids of others have nothing to do with it.
        #expect(step(table.begin(key("a", "t"), now: now)) == "handle")
        table.end(key("a"), try RawJSON("[1]"), now: now)
        #expect(step(table.begin(key("a"), now: now)) == "[1]")
        table.end(key("a", "t"), nil, now: now)
        #expect(step(table.begin(key("a", "t"), now: now)) == "handle")
    }

    @Test("Number, bytes and age are limited")
    func limits() throws {
        let now = NIODeadline.now()
        var table = table(2)
        for id in ["a", "b", "c"] {
            _ = table.begin(key(id), now: now)
            table.end(key(id), try RawJSON("1"), now: now)
        }
        #expect(table.count == 2)
        #expect(step(table.begin(key("a"), now: now)) == "handle")
        #expect(step(table.begin(key("b"), now: now)) == "1")
        #expect(step(table.begin(key("c"), now: now + .seconds(10))) == "1")
        #expect(step(table.begin(key("c"), now: now + .seconds(11))) == "handle")
        #expect(table.bytes == 0)
        var small = self.table(bytes: 500)
        _ = small.begin(key("a"), now: now)
        small.end(key("a"), try RawJSON(ByteBuffer(string: "\"" + String(repeating: "x", count: 290) + "\"")), now: now)
        #expect(step(small.begin(key("a"), now: now)) != "handle")
        _ = small.begin(key("b"), now: now)
        small.end(key("b"), try RawJSON("2"), now: now)
        #expect(step(small.begin(key("a"), now: now)) == "handle")
        #expect(small.bytes <= 500)
    }

    @Test("Calls at the same time run the handler once")
    func concurrent() async throws {
        let io = Server()
        let handled = HandledMessages(in: io.of("/"))
        let runs = NIOLockedValueBox(0)
        let answers = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try await handled.once("id", of: "ann") {
                        let number = runs.withLockedValue { runs in
                            runs += 1
                            return runs
                        }
                        await Task.yield()
                        return number
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers == Array(repeating: 1, count: 20))
        #expect(handled.count == 1)
        await io.close()
    }

    @Test("A handler that throws is run again; an id that is too long is refused")
    func failures() async throws {
        struct Failure: Error {}
        let io = Server()
        let handled = HandledMessages(in: io.of("/"))
        await #expect(throws: Failure.self) {
            try await handled.once("id", of: "ann") { () async throws -> Int in throw Failure() }
        }
        #expect(try await handled.once("id", of: "ann") { 2 } == 2)
        #expect(try await handled.once("id", of: "ann") { 3 } == 2)
        #expect(try await handled.once("id", of: "bob") { 3 } == 3)
        let longest = String(repeating: "x", count: 256)
        #expect(try await handled.once(longest, of: longest) { 4 } == 4)
        for (id, sender) in [(longest + "x", "ann"), ("id", longest + "x")] {
            let error = await #expect(throws: SocketError.self) { try await handled.once(id, of: sender) { 5 } }
            #expect(error?.code == .invalidArguments)
        }
        await io.close()
    }

    @Test("A client that sends a message again gets the acknowledgement again")
    func acknowledgement() async throws {
        let io = Server()
        let handled = HandledMessages(in: io.of("/"))
        let runs = NIOLockedValueBox(0)
        io.onConnection { socket in
            socket.on("order") { (id: String) async throws -> [String] in
                try await handled.once(id, of: "ann") {
                    let number = runs.withLockedValue { runs in
                        runs += 1
                        return runs
                    }
                    return ["receipt", "\(number)"]
                }
            }
        }
        let port = try #require(try await io.listen()?.port)
        for _ in 0..<2 {
            // Over a new connection, too.
            let client = try await SocketTestClient.connect(to: ServerAddress(port: port), transport: .websocket)
            let socket = try await client.join("/")
            for _ in 0..<2 {
                let answer = try await socket.emitWithAck("order", .string("id-1"))
                #expect(answer == [.array([.string("receipt"), .string("1")])])
            }
            await client.engine.abort()
        }
        #expect(runs.withLockedValue { $0 } == 1)
        await io.close()
    }

    /// Keeps answers for all servers, unless it is away.
    private final class Store: SessionStore {
        let isAway = NIOLockedValueBox(true)
        let owner = "owner"

        func claimMessage(_ name: String, for life: TimeAmount) async throws(RecoveryFailure) -> RawJSON? {
            if isAway.withLockedValue({ $0 }) { throw .storeUnavailable }
            return nil
        }
        func keepAnswer(_ answer: RawJSON, of name: String, for life: TimeAmount) async {}
        func releaseMessage(_ name: String) {}

        func keep(_ record: KeptSession, for life: TimeAmount) {}
        func forget(_ pid: PackedID) {}
        func settle(
            offset: EventPosition, _ early: EarlyMark?, in namespace: String
        ) async throws(RecoveryFailure) -> Set<EventPosition> { [] }
        func find(_ pid: PackedID, in namespace: String) async throws(RecoveryFailure) -> KeptSession {
            throw .unknownPid
        }
        func claim(_ record: KeptSession) async throws(RecoveryFailure) -> KeptSession { record }
        func whenDelivered(in namespace: String, _ body: @escaping @Sendable () -> Void) { body() }
    }

    @Test("While the store is away a message is not answered, so that the client sends it again")
    func storeAway() async throws {
        let store = Store()
        try await withServer {
            $0.connectionStateRecovery = ConnectionStateRecovery()
            $0.adapter = { context in
                context.local.share(store)
                return context.local
            }
        } _: { io, address in
            let (handled, errors) = (HandledMessages(in: io.of("/")), Recorder<String>())
            io.onConnection { socket in
                socket.onError { errors.append("\(($0 as? SocketError)?.code.description ?? "")") }
                socket.on("order") { (id: String) async throws -> String in
                    try await handled.once(id, of: "ann") { "receipt" }
                }
            }
            let socket = try await SocketTestClient.connect(to: address, transport: .websocket).join("/")
            await #expect(throws: TestClientError.self) {
                try await socket.emitWithAck("order", "id-1", within: .milliseconds(100))
            }
            #expect(try await errors.waitFor(1) == ["handlingUnknown"])
            store.isAway.withLockedValue { $0 = false }
            #expect(try await socket.emitWithAck("order", "id-1") == ["receipt"])
        }
        let answer = ServerConfiguration().errorAcknowledgement
        #expect(answer(SocketError(.handlingUnknown, "it is not known")) == nil)
        #expect(answer(SocketError(.timeout, "late")) != nil)
    }
}
