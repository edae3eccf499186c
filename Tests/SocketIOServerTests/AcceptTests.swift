// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import NIOConcurrencyHelpers
import NIOCore
import SocketIOTesting
import Testing

@testable import EngineIOServer
@testable import HTTPServerCore
@testable import SocketIOServer

/// New connections while something holds an event loop.
@Suite("Accepting", .timeLimit(.minutes(3)))
struct AcceptTests {
    /// Keeps an event loop until it is told otherwise, half a minute at most.
    private final class Block: Sendable {
        private let semaphore = DispatchSemaphore(value: 0)

        init(_ eventLoop: any EventLoop) {
            eventLoop.execute { [semaphore] in _ = semaphore.wait(timeout: .now() + 30) }
        }

        func end() { semaphore.signal() }
    }

    @Test("a loop that is held up delays only the connections it was given first", arguments: [2, 3, 4])
    func heldUp(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            for held in 0..<loops {
                let block = Block(io.context.shards[held].eventLoop)
                let done = Recorder<SocketTestClient>()
                // Some of these wait for that loop, among them its first, which shows that it is held up.
                let early = (0..<4 * loops).map { _ in
                    Task { done.append(try await SocketTestClient.connect(to: address)) }
                }
                _ = try await done.waitFor(4 * loops - 4)
                let listener = try #require(io.lifecycle.withLockedValue { $0.listeners.first })
                try await eventually("the loop is passed over") { listener.handover.isPassingOver }
                for _ in 0..<5 * loops {
                    let socket = try await SocketTestClient.connect(to: address).join()
                    try await socket.disconnect()
                }
                #expect(done.count < early.count)
                block.end()
                for task in early { try await task.value }
                // Its turn comes again.
                try await eventually("sessions on every loop") {
                    done.append(try await SocketTestClient.connect(to: address))
                    return try await self.loops(of: io).count == loops
                }
            }
        }
    }

    private func loops(of io: Server) async throws -> [Int] {
        var found: [Int] = []
        for shard in io.context.shards {
            let hasSessions = await shard.perform { shard in !shard.engine.handlers(as: Client.self).isEmpty }
            if hasSessions { found.append(shard.index) }
        }
        return found
    }

    @Test("a server with one loop accepts there")
    func oneLoop() async throws {
        try await withServer(loops: 1) { io, address in
            #expect(io.lifecycle.withLockedValue { $0.acceptor } == nil)
            _ = try await connect(1, to: address)
        }
    }
}
