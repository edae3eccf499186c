// Part of socketio-server, MIT licence; see LICENSE.

import HTTPTesting
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import HTTPServerCore

/// Answers leave through the socket itself. Wherever that is full, a client gets each byte once and in order, and the
/// connection goes on, or ends, as if it never had been.
@Suite("Answers past NIO")
struct DirectAnswerTests {
    typealias Connection = FaultyAnswerConnection

    private static func get(_ number: Int, _ lines: String = "") -> String {
        "GET /socket.io/\(number) HTTP/1.1\r\nHost: x\r\n\(lines)\r\n"
    }

    private static func bodies(_ numbers: ClosedRange<Int>) -> [String] { numbers.map { "GET /socket.io/\($0)" } }

    /// How long the answers are that `exchange` gets from a socket which takes everything.
    private static func length(
        service: ScriptedService = ScriptedService(), _ exchange: (Connection) throws -> Void
    ) throws -> Int {
        let connection = try Connection(fullAt: .max, service: service)
        try exchange(connection)
        #expect(connection.dam.writes == 0)
        return connection.receivedCount
    }

    @Test func theRestFollowsAfterEveryByte() throws {
        let length = try Self.length { try $0.send(Self.get(1)) }
        for place in 0...length {
            let connection = try Connection(fullAt: place)
            try connection.send(Self.get(1))
            #expect(connection.receivedCount == place)
            #expect(connection.dam.heldBytes == length - place)
            connection.dam.release()
            #expect(connection.received.answers().map(\.body) == Self.bodies(1...1))
            #expect(connection.receivedCount == length)
            // The connection is kept, and the next answer goes past NIO again.
            let writes = connection.dam.writes
            if place < length {
                try connection.send(Self.get(2))
                #expect(connection.dam.writes == writes)
                #expect(connection.received.answers().map(\.body) == Self.bodies(1...2))
            }
            #expect(connection.isOpen)
        }
    }

    /// Requests sent ahead, in one read and in several: their answers neither overtake the rest nor are made before it has left.
    @Test func laterAnswersComeBehindTheRest() throws {
        let length = try Self.length { try $0.send(Self.get(1)) }
        for place in 0..<length {
            let connection = try Connection(fullAt: place)
            try connection.send(Self.get(1) + Self.get(2))
            try connection.send(Self.get(3))
            #expect(connection.receivedCount == place)
            #expect(connection.service.exchanges.count == 1)
            connection.dam.release((length - place) / 2)
            #expect(connection.service.exchanges.count == 1)
            connection.dam.release()
            #expect(connection.received.answers().map(\.body) == Self.bodies(1...3))
            #expect(connection.isOpen)
        }
    }

    /// Head and body of a long answer leave one by one: when the head is cut, the body must wait although there is room again.
    @Test func aLongBodyComesBehindItsHead() throws {
        let text = String((0..<40_000).map { Character(Unicode.Scalar(UInt8(97 + $0 % 26))) })
        let service = ScriptedService { $0.respond(.text(text)) }
        let length = try Self.length(service: service) { try $0.send(Self.get(1)) }
        let head = length - text.utf8.count
        for place in Array(0...(head + 2)) + Array(stride(from: head + 3, to: length, by: 997)) + [length - 1] {
            let connection = try Connection(fullAt: place, service: service)
            try connection.send(Self.get(1))
            #expect(connection.receivedCount == place)
            connection.dam.release()
            #expect(connection.received.answers().map(\.body) == [text])
            #expect(connection.receivedCount == length)
        }
    }

    /// What an application writes piece by piece.
    @Test func streamedPiecesKeepTheirOrder() throws {
        func write(_ connection: Connection) throws {
            try connection.send(Self.get(1))
            let transaction = try #require(connection.handler.current)
            let answer = ApplicationAnswer(connection: connection.handler, transaction: transaction)
            try answer.writeHead(status: .ok, headers: [:])
            for piece in ["first", "second", "third"] { _ = answer.write(ByteBuffer(string: piece)) }
            try answer.finish()
        }
        let service = ScriptedService { _ in }
        let length = try Self.length(service: service, write)
        for place in 0..<length {
            let connection = try Connection(fullAt: place, service: service)
            try write(connection)
            #expect(connection.receivedCount == place)
            connection.dam.release()
            #expect(connection.received.hasSuffix("\r\n\r\n5\r\nfirst\r\n6\r\nsecond\r\n5\r\nthird\r\n0\r\n\r\n"))
            #expect(connection.receivedCount == length)
            #expect(connection.isOpen)
        }
    }

    // MARK: The end

    enum Ending: CaseIterable {
        case theClientAsks, theEngineAsks, refusedUpgrade, unreadable, drained
    }

    /// The connection ends with an answer of which the socket has taken a part: not before all of it has left.
    @Test(arguments: Ending.allCases)
    func nothingIsCutOffAtTheEnd(_ ending: Ending) throws {
        let service = ScriptedService { exchange in
            switch ending {
            case .theEngineAsks: exchange.respond(HTTPServerResponse(status: .ok, closeConnection: true))
            case .refusedUpgrade: exchange.refuseUpgrade(message: "no")
            case .theClientAsks, .unreadable, .drained: exchange.respond(.echo(exchange))
            }
        }
        func end(_ connection: Connection) throws {
            switch ending {
            case .theClientAsks: try connection.send(Self.get(1, "Connection: close\r\n"))
            case .theEngineAsks: try connection.send(Self.get(1))
            case .refusedUpgrade:
                try connection.send(Self.get(1, "Connection: Upgrade\r\nUpgrade: websocket\r\n"))
            case .unreadable: try connection.send("nonsense\r\n\r\n")
            case .drained: try connection.send(Self.get(1))
            }
            if ending == .drained {
                connection.connection.channel.pipeline.fireUserInboundEventTriggered(HTTPConnections.DrainEvent())
            }
        }
        let length = try Self.length(service: service, end)
        for place in 0..<length {
            let connection = try Connection(fullAt: place, service: service)
            try end(connection)
            // What comes now is of no interest any more.
            try connection.send(Self.get(2))
            #expect(connection.isOpen)
            connection.dam.release(length - place - 1)
            #expect(connection.isOpen)
            connection.dam.release()
            #expect(connection.receivedCount == length)
            #expect(connection.dam.lost == 0)
            // Some endings leave the client time to read.
            connection.connection.advance(by: .seconds(3))
            #expect(!connection.isOpen)
            #expect(connection.received.answers().count == 1)
        }
    }

    /// The client is gone while a rest waits: nothing more is written, neither way, and whoever answers later is told.
    @Test func theClientMayGoWhileBytesWait() throws {
        let service = ScriptedService { _ in }
        for place in [0, 1, 100] {
            let connection = try Connection(fullAt: place, service: service)
            try connection.send(Self.get(1))
            let transaction = try #require(connection.handler.current)
            let answer = ApplicationAnswer(connection: connection.handler, transaction: transaction)
            try answer.writeHead(status: .ok, headers: [:])
            _ = answer.write(ByteBuffer(repeating: 120, count: 200))
            #expect(connection.dam.heldBytes > 0)
            let calls = connection.socket.calls
            try connection.connection.channel.close().wait()
            #expect(connection.dam.lost > 0)
            #expect(throws: ApplicationResponseError.connectionClosed) { try answer.finish() }
            #expect(service.exchanges.last?.isAborted == true)
            #expect(connection.socket.calls == calls && connection.receivedCount == place)
            #expect(connection.handler.socket == nil)
        }
    }

    /// A client that takes part of an answer and then nothing is cut off in the end; one that goes on is not.
    @Test func whoReadsNothingIsCutOff() throws {
        let connection = try Connection(fullAt: 10) { $0.limits.sendTimeout = .seconds(10) }
        try connection.send(Self.get(1))
        connection.connection.advance(by: .seconds(9))
        #expect(connection.isOpen)
        connection.dam.release()
        connection.connection.advance(by: .seconds(4))
        #expect(connection.isOpen)

        let stuck = try Connection(fullAt: 10) { $0.limits.sendTimeout = .seconds(10) }
        try stuck.send(Self.get(1))
        stuck.connection.advance(by: .seconds(9))
        // Asking for more is no reading.
        try stuck.send(Self.get(2))
        stuck.connection.advance(by: .seconds(2))
        #expect(!stuck.isOpen)
        #expect(stuck.receivedCount == 10)
    }

    // MARK: Bounds

    /// Thousands of requests and nobody who reads: one answer waits, and the others are not made.
    @Test func whatWaitsIsBounded() throws {
        let connection = try Connection(fullAt: 10)
        let many = 5000
        for start in stride(from: 1, through: many, by: 50) {
            try connection.send((start..<(start + 50)).map { Self.get($0) }.joined())
        }
        #expect(connection.service.exchanges.count == 1)
        #expect(connection.dam.heldBytes < 1024)
        // Read on they would be, but nobody asks the channel for more.
        connection.connection.channel.read()
        #expect(connection.handler.machine.owesRead)
        connection.dam.release()
        #expect(!connection.handler.machine.owesRead)
        #expect(connection.received.answers().map(\.body) == Self.bodies(1...many))
    }

    /// What TLS has not seen must not leave.
    @Test func encryptedConnectionsAreNeverBypassed() throws {
        let connection = try Connection(fullAt: .max, isSecure: true)
        try connection.send(Self.get(1))
        #expect(connection.socket.calls == 0 && connection.dam.writes == 1)
        connection.dam.release()
        try connection.send(Self.get(2))
        connection.dam.release()
        #expect(connection.socket.calls == 0)
        #expect(connection.received.answers().map(\.body) == Self.bodies(1...2))
    }
}
