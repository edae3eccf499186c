// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import HTTPTesting
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Testing

@testable import HTTPServerCore

@Suite("HTTP listener")
struct HTTPListenerTests {
    private let get = "GET /socket.io/ HTTP/1.1\r\nHost: x\r\n\r\n"

    @Test func closingAnswersWhatIsHeldAndEndsTheIdle() async throws {
        let service = ScriptedService { _ in }
        let server = try await TestServer.start(service: service)
        let idle = try await server.connect()
        let busy = try await server.connect()
        try await busy.send(get)
        #expect(await holdsSoon { service.exchanges.count == 1 && server.listener.connectionCount == 2 })
        async let closed: Void = server.listener.close(gracePeriod: .seconds(20))
        try await idle.wait { _, isClosed in isClosed }
        #expect(!busy.isClosed)
        service.exchanges[0].respond(.text("bye"))
        try await busy.wait { received, isClosed in isClosed && received.hasSuffix("bye") }
        #expect(busy.received.contains("Connection: close\r\n"))
        await closed
        #expect(server.listener.connectionCount == 0)
        await #expect(throws: (any Error).self) { _ = try await server.connect() }
        await server.stop()
    }

    @Test func graceEnds() async throws {
        let aborted = NIOLockedValueBox(false)
        let service = ScriptedService { $0.onAbort { aborted.withLockedValue { $0 = true } } }
        let server = try await TestServer.start(service: service)
        let client = try await server.connect()
        try await client.send(get)
        #expect(await holdsSoon { service.exchanges.count == 1 })
        await server.listener.close(gracePeriod: .milliseconds(50))
        try await client.wait { _, isClosed in isClosed }
        #expect(aborted.withLockedValue { $0 })
        await server.stop()
    }

    @Test func answersReachClientsThatStillSend() async throws {
        // Without a lingering close the reset for the unread rest would destroy the answer.
        let service = ScriptedService { exchange in
            exchange.collectBody(limit: 10) { _ in exchange.respond(HTTPServerResponse(status: .payloadTooLarge)) }
        }
        try await TestServer.with(service: service) { server in
            for _ in 0..<20 {
                let client = try await server.connect()
                client.channel.writeAndFlush(
                    ByteBuffer(
                        string: "POST /socket.io/ HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n"
                            + String(repeating: "x", count: 3_000_000)), promise: nil)
                try await client.wait { received, isClosed in isClosed && received.hasPrefix("HTTP/1.1 413") }
            }
        }
    }

    @Test func slowClientsGet408OverSockets() async throws {
        try await TestServer.with(
            configure: {
                $0.limits.headTimeout = .seconds(1)
                $0.limits.keepAliveTimeout = .milliseconds(100)
            },
            { server in
                let slow = try await server.connect()
                try await slow.send("GET /socket.io/ HT")
                try await slow.wait { received, isClosed in isClosed && received.hasPrefix("HTTP/1.1 408") }
                let resting = try await server.connect()
                try await resting.send(get)
                try await resting.wait { received, isClosed in isClosed && received.answers().count == 1 }
            })
    }

    @Test func unixSockets() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "s-\(UUID().uuidString.prefix(8))").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let server = HTTPServer(configuration: HTTPServerConfiguration(), service: ScriptedService())
        let listener = try await HTTPListener.bind(to: .unix(path: path), group: group, server: server)
        let answer = try await ClientBootstrap(group: group).connect(unixDomainSocketPath: path)
            .flatMap { channel in
                let promise = channel.eventLoop.makePromise(of: String.self)
                return channel.pipeline.addHandler(FirstRead(promise)).flatMap {
                    channel.writeAndFlush(ByteBuffer(string: get))
                }.flatMap { promise.futureResult }
            }.get()
        #expect(answer.hasPrefix("HTTP/1.1 200 OK"))
        await listener.close(gracePeriod: .milliseconds(100))
        try await group.shutdownGracefully()
    }
}

private final class FirstRead: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    private let promise: EventLoopPromise<String>

    init(_ promise: EventLoopPromise<String>) {
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        promise.succeed(String(buffer: unwrapInboundIn(data)))
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(ChannelError.eof)
    }
}
