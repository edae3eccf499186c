// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import LoopConfinement
import SocketIOTesting
import Testing

@testable import SocketIOServer

@Suite("Handlers that hold their event loop", .timeLimit(.minutes(2)))
struct SlowHandlerTests {
    private static let text = "A handler holds its event loop"

    /// Blocks the thread until the watch has noticed, as work that takes long would.
    @Sendable
    private static func block(_ socket: Socket) {
        guard let watch = socket.core.runIfHere({ $0.client.shard.watch }) else { return }
        let end = ContinuousClock.now + .seconds(30)
        while !watch.isMarked, ContinuousClock.now < end { Thread.sleep(forTimeInterval: 0.005) }
    }

    @Test("each is named once, with its namespace; others are not", arguments: [1, 2])
    func named(loops: Int) async throws {
        let lines = Recorder<LineRecorder.Line>()
        try await withServer(
            loops: loops,
            {
                $0.logger = LineRecorder.logger(lines)
                $0.slowHandlerWarning = .milliseconds(40)
            }
        ) { io, address in
            io.of("/work").onConnection { socket in
                socket.on("quick") { () in true }
                socket.on("block") { () -> Bool in
                    Self.block(socket)
                    return true
                }
                socket.on("begin") { () async -> Bool in
                    Self.block(socket)
                    await Task.yield()
                    return true
                }
                socket.onAny { _, _ in }
            }
            let client = try await SocketTestClient.connect(to: address).join("/work")
            for _ in 0..<100 { _ = try await client.emitWithAck("quick") }
            for _ in 0..<2 { _ = try await client.emitWithAck("block", within: .seconds(60)) }
            _ = try await client.emitWithAck("begin", within: .seconds(60))
            _ = try await client.emitWithAck("quick")
            let slow = lines.all.filter { $0.message == Self.text }
            #expect(slow.map { $0.metadata["event"] } == ["block", "begin"])
            #expect(slow.allSatisfy { $0.metadata["nsp"] == "/work" && $0.level == .warning })
            #expect(slow.allSatisfy { $0.metadata["longerThanMs"] == "40" })
        }
    }

    @Test("the only handler of an event, without other listeners, and the handler of connections")
    func sole() async throws {
        let lines = Recorder<LineRecorder.Line>()
        try await withServer({
            $0.logger = LineRecorder.logger(lines)
            $0.slowHandlerWarning = .milliseconds(40)
        }) { io, address in
            io.onConnection { socket in
                Self.block(socket)
                socket.on("block") { () -> Bool in
                    Self.block(socket)
                    return true
                }
            }
            let client = try await SocketTestClient.connect(to: address).join()
            _ = try await client.emitWithAck("block", within: .seconds(60))
            #expect(
                lines.all.filter { $0.message == Self.text }.map { $0.metadata["event"] } == ["connection", "block"])
        }
    }

    @Test("steps: nothing is running, something is, something inside it")
    func steps() {
        let watch = HandlerWatch()
        var steps = [watch.current]
        let outer = watch.begin()
        steps.append(watch.current)
        let inner = watch.begin()
        steps.append(watch.current)
        watch.mark(watch.current)
        let isInnerSlow = watch.end(inner)
        steps.append(watch.current)
        let isOuterSlow = watch.end(outer)
        steps.append(watch.current)
        #expect(isInnerSlow && !isOuterSlow)
        #expect(steps.map { $0 & 1 } == [0, 1, 1, 1, 0])
        #expect(Set(steps).count == 5)
    }
}
