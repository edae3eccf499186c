// Part of socketio-server, MIT licence; see LICENSE.

import HTTPTesting
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOPosix
import Testing

@testable import HTTPServerCore

/// What a new owner of a connection hears.
private final class Owner: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    struct Heard {
        var text = ""
        var takeOvers = 0
        var isClosed = false
    }
    let heard = NIOLockedValueBox(Heard())

    func takeOver(_ exchange: HTTPExchange) {
        exchange.takeOver { channel, rest in
            heard.withLockedValue {
                $0.takeOvers += 1
                $0.text += String(buffer: rest)
            }
            do {
                try channel.pipeline.syncOperations.addHandler(self)
            } catch {
                Issue.record(error)
            }
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        heard.withLockedValue { $0.text += String(buffer: unwrapInboundIn(data)) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        heard.withLockedValue { $0.isClosed = true }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

@Suite("Taking a connection over")
struct HTTPTakeOverTests {
    private static let upgrade =
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        + "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    private static let before =
        "POST /socket.io/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        + "GET /socket.io/2 HTTP/1.1\r\nHost: x\r\n\r\n"
    private static let frames = "frame one\r\n\r\nGET /frame HTTP/1.1\r\n\r\nframe three"

    private func service(_ owner: Owner, deferred: Bool) -> ScriptedService {
        ScriptedService { exchange in
            guard exchange.request.isUpgrade else {
                return exchange.collectBody(limit: 100) { _ in exchange.respond(.echo(exchange)) }
            }
            if deferred {
                exchange.eventLoop.execute { owner.takeOver(exchange) }
            } else {
                owner.takeOver(exchange)
            }
        }
    }

    @Test(arguments: [false, true])
    func everySplitLosesNothing(deferred: Bool) throws {
        let bytes = Array((Self.before + Self.upgrade + Self.frames).utf8)
        for split in 0...bytes.count {
            let owner = Owner()
            let connection = try EmbeddedConnection(service: service(owner, deferred: deferred))
            try connection.send(ByteBuffer(bytes: bytes[..<split]))
            if split % 2 == 0 { connection.channel.embeddedEventLoop.run() }
            try connection.send(ByteBuffer(bytes: bytes[split...]))
            connection.channel.embeddedEventLoop.run()
            #expect(owner.heard.withLockedValue { $0.text } == Self.frames, "split at \(split)")
            #expect(owner.heard.withLockedValue { $0.takeOvers } == 1)
            #expect(
                try connection.output().answers().map(\.body) == ["POST /socket.io/1", "GET /socket.io/2"],
                "split at \(split)")
            #expect(throws: (any Error).self) {
                _ = try connection.channel.pipeline.syncOperations.handler(type: HTTPConnectionHandler.self)
            }
        }
    }

    @Test func byteByByte() throws {
        let owner = Owner()
        let connection = try EmbeddedConnection(service: service(owner, deferred: true))
        for byte in (Self.before + Self.upgrade + Self.frames).utf8 {
            try connection.send(ByteBuffer(bytes: [byte]))
            connection.channel.embeddedEventLoop.run()
        }
        #expect(owner.heard.withLockedValue { $0.text } == Self.frames)
    }

    @Test func nothingOfHTTPStaysAlive() throws {
        let owner = Owner()
        weak var handler: HTTPConnectionHandler?
        let service = service(owner, deferred: true)
        let connection = try EmbeddedConnection(service: service)
        handler = try connection.channel.pipeline.syncOperations.handler(type: HTTPConnectionHandler.self)
        #expect(handler != nil)
        try connection.send(Self.before + Self.upgrade)
        connection.channel.embeddedEventLoop.run()
        #expect(handler == nil)
        // No timer of HTTP ends the connection either.
        connection.advance(by: .hours(1))
        #expect(connection.isOpen)
    }

    @Test func aConnectionThatIsGoneIsNotHandedOver() throws {
        let aborted = NIOLockedValueBox(false)
        let service = ScriptedService { exchange in exchange.onAbort { aborted.withLockedValue { $0 = true } } }
        let connection = try EmbeddedConnection(service: service)
        try connection.send(Self.upgrade)
        try connection.channel.close().wait()
        #expect(aborted.withLockedValue { $0 })
        #expect(!service.exchanges[0].takeOver { _, _ in Issue.record("handed over") })
    }

    @Test func framesAreHeldBackWhileTheEngineThinks() async throws {
        // Far more than the buffer of the connection: the client has to wait, and nothing is lost.
        let frames = String(repeating: "0123456789abcdef", count: 64 * 1024)
        let owner = Owner()
        let service = ScriptedService { _ in }
        try await TestServer.with(service: service) { server in
            let client = try await server.connect()
            let promise = client.channel.eventLoop.makePromise(of: Void.self)
            client.channel.writeAndFlush(ByteBuffer(string: Self.upgrade + frames), promise: promise)
            try #require(await holdsSoon { service.exchanges.count == 1 })
            let exchange = service.exchanges[0]
            try await exchange.eventLoop.submit { owner.takeOver(exchange) }.get()
            try await promise.futureResult.get()
            #expect(await holdsSoon { owner.heard.withLockedValue { $0.text.utf8.count } == frames.utf8.count })
            #expect(owner.heard.withLockedValue { $0.text } == frames)
            try await client.close()
            #expect(await holdsSoon { owner.heard.withLockedValue { $0.isClosed } })
            #expect(await holdsSoon { server.listener.connectionCount == 0 })
        }
    }

    @Test func anEndRightAfterTheHeadIsHeard() async throws {
        for _ in 0..<50 {
            let owner = Owner()
            let service = ScriptedService { owner.takeOver($0) }
            try await TestServer.with(service: service) { server in
                let client = try await server.connect()
                try await client.send(Self.upgrade + "last words")
                try await client.close()
                #expect(await holdsSoon { owner.heard.withLockedValue { $0.isClosed } })
                #expect(owner.heard.withLockedValue { $0.text } == "last words")
            }
        }
    }
}
