// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import NIOEmbedded
import Testing

@testable import HiredisNIO

/// The times of a connection to Redis, on a clock that the test moves.
@Suite("Exact times: a connection to Redis")
struct ConnectionTimeTests {
    /// What the owner of a connection hears.
    private final class Owner: RedisConnectionOwner, RedisConnectionUser {
        var isReady = false
        var end: RedisError?
        var lateness: [Bool] = []

        func connectionReady(_ connection: RedisConnection, _ facts: RedisServerFacts) { isReady = true }
        func connectionClosed(_ connection: RedisConnection, _ reason: RedisError) { end = reason }
        func connection(_ connection: RedisConnection, isLate: Bool) { lateness.append(isLate) }
    }

    /// A connection to a server that the test plays.
    private final class Link {
        let channel = EmbeddedChannel()
        let owner = Owner()
        let connection: RedisConnection
        private static let ping = "*1\r\n$4\r\nPING\r\n"

        init(_ change: (inout RedisConnectionSettings) -> Void = { _ in }) throws {
            var settings = RedisConnectionSettings(handshake: RedisHandshake())
            change(&settings)
            connection = RedisConnection(
                settings: settings, eventLoop: channel.eventLoop, owner: owner, user: owner)
            try channel.pipeline.syncOperations.addHandler(connection)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 6379)).wait()
        }

        /// Answers the log-in.
        func logIn() throws {
            #expect(try sent() == Self.ping)
            try receive("+PONG\r\n")
            #expect(owner.isReady)
        }

        func advance(_ time: TimeAmount) { channel.embeddedEventLoop.advanceTime(by: time) }

        /// What has been sent since the last call.
        func sent() throws -> String {
            var text = ""
            channel.embeddedEventLoop.run()
            while let bytes = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: bytes) }
            return text
        }

        func receive(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }

        func hasPinged() throws -> Bool { try sent() == Self.ping }
    }

    @Test("a PING every ping interval, and not before", arguments: [3_000, 500, 20_000])
    func pings(milliseconds: Int64) throws {
        let link = try Link { $0.pingInterval = .milliseconds(milliseconds) }
        try link.logIn()
        for _ in 0..<3 {
            link.advance(.milliseconds(milliseconds - 1))
            #expect(try link.sent().isEmpty)
            link.advance(.milliseconds(1))
            #expect(try link.hasPinged())
            try link.receive("+PONG\r\n")
        }
        #expect(link.owner.lateness.isEmpty && link.owner.end == nil)
        link.connection.close(.closedByOwner)
    }

    @Test("a silent server: late after half an interval, given up after one, and not before")
    func silence() throws {
        let link = try Link { $0.pingInterval = .seconds(3) }
        try link.logIn()
        link.advance(.seconds(3))
        #expect(try link.hasPinged())
        link.advance(.milliseconds(1_499))
        #expect(link.owner.lateness.isEmpty)
        link.advance(.milliseconds(1))
        #expect(link.owner.lateness == [true])
        link.advance(.milliseconds(1_499))
        #expect(link.owner.end == nil)
        link.advance(.milliseconds(1))
        #expect(link.owner.end?.code == .timeout)
        #expect(link.owner.end?.message == "the link is dead: nothing was received within the ping interval of 3000 ms")
        #expect(!link.channel.isActive)
    }

    @Test("messages but no answer: given up after four intervals, and not before")
    func unanswered() throws {
        let link = try Link {
            $0.pingInterval = .seconds(2)
            $0.isSubscriber = true
            $0.handshake.pings = false
        }
        #expect(link.owner.isReady)
        link.advance(.seconds(2))
        #expect(try link.hasPinged())
        for _ in 0..<15 {
            link.advance(.milliseconds(500))
            try link.receive("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n")
        }
        link.advance(.milliseconds(499))
        #expect(link.owner.end == nil)
        link.advance(.milliseconds(1))
        #expect(link.owner.end?.code == .timeout)
    }

    @Test("a command is given up at its time, and not before; the connection stays", arguments: [nil, 700] as [Int64?])
    func command(milliseconds: Int64?) throws {
        let link = try Link { $0.pingInterval = .seconds(3_600) }
        try link.logIn()
        var results: [Result<RESPValue, RedisError>] = []
        link.connection.send(
            RESPCommand("GET", arguments: ["a"]), timeout: milliseconds.map { .milliseconds($0) }
        ) { results.append($0) }
        _ = try link.sent()
        link.advance(.milliseconds(milliseconds ?? 5_000) - .nanoseconds(1))
        #expect(results.isEmpty)
        link.advance(.nanoseconds(1))
        #expect(results.count == 1)
        if case .failure(let error)? = results.first {
            #expect(error.code == .timeout)
        } else {
            Issue.record("answered")
        }
        // The late answer is not taken for that of the next command.
        link.connection.send(RESPCommand("GET", arguments: ["b"])) { results.append($0) }
        _ = try link.sent()
        try link.receive("$3\r\nold\r\n$3\r\nnew\r\n")
        #expect(results.count == 2)
        if case .success(let value)? = results.last {
            #expect(value.stringValue == "new")
        } else {
            Issue.record("lost")
        }
        link.connection.close(.closedByOwner)
    }

    @Test("the log-in is given up at its time, and not before", arguments: [nil, 1_200] as [Int64?])
    func logIn(milliseconds: Int64?) throws {
        let link = try Link { $0.handshakeTimeout = milliseconds.map { .milliseconds($0) } }
        link.advance(.milliseconds(milliseconds ?? 5_000) - .nanoseconds(1))
        #expect(link.owner.end == nil)
        link.advance(.nanoseconds(1))
        #expect(link.owner.end?.message == "the server did not answer the log-in in time")
        #expect(!link.owner.isReady)
    }
}
