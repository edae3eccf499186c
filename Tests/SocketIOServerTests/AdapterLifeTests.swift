// Part of socketio-server, MIT licence; see LICENSE.

import NIOConcurrencyHelpers
import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// An adapter is made once for a namespace, and closed once.
@Suite("Life of adapters", .timeLimit(.minutes(2)))
struct AdapterLifeTests {
    /// Notes when it is closed, and may take its time for that.
    private final class Noting: AdapterSPI.ForwardingAdapter {
        let base: any Adapter
        private let name: String
        private let steps: Recorder<String>
        private let closing: @Sendable () async -> Void

        init(
            around context: AdapterSPI.Context, _ steps: Recorder<String>,
            closing: @escaping @Sendable () async -> Void = {}
        ) {
            base = context.local
            name = context.namespace
            self.steps = steps
            self.closing = closing
        }

        func close() async {
            steps.append("closing \(name)")
            await closing()
            steps.append("closed \(name)")
        }
    }

    @Test("once, when a middleware of the namespace outlives the server")
    func closedOnce() async throws {
        let (steps, started, gate) = (Recorder<String>(), Recorder<Void>(), Gate())
        try await withServer {
            $0.handlerGrace = .milliseconds(20)
            $0.cleanupEmptyChildNamespaces = true
            $0.adapter = { Noting(around: $0, steps) }
        } _: { io, address in
            let parent = io.of(#/^/c-/#)
            parent.use { _ in
                started.append(())
                // A task of its own is not cancelled with the middleware.
                await Task { try? await gate.pass() }.value
            }
            let client = try await SocketTestClient.connect(to: address)
            let joining = Task { try await client.join("/c-1") }
            _ = try await started.waitFor(1)
            await io.close()
            gate.open()
            _ = try? await joining.value
            try await eventually("the middleware has ended") { io.runningHandlers == 0 }
            try await eventually("the namespace is forgotten") {
                parent.children.isEmpty && io.table.leavingCount == 0
            }
            #expect(steps.all.filter { $0 == "closing /c-1" }.count == 1)
            #expect(steps.all.filter { $0 == "closing /" }.count == 1)
        }
    }

    @Test("the server waits for the adapter of a namespace that it has just forgotten")
    func waitsForForgotten() async throws {
        let steps = Recorder<String>()
        try await withServer {
            $0.cleanupEmptyChildNamespaces = true
            $0.adapter = { context in
                Noting(around: context, steps) {
                    guard context.namespace != "/" else { return }
                    // Long enough to notice when nobody waits.
                    let end = ContinuousClock.now + .milliseconds(300)
                    while ContinuousClock.now < end, !steps.all.contains("the server is closed") {
                        await Task.yield()
                    }
                }
            }
        } _: { io, address in
            let parent = io.of(#/^/c-/#)
            let client = try await SocketTestClient.connect(to: address)
            try await client.join("/c-1").disconnect()
            try await eventually("the namespace is forgotten") { parent.children.isEmpty }
            _ = try await steps.waitFor(1)
            await io.close()
            steps.append("the server is closed")
            #expect(steps.all.last == "the server is closed" && steps.all.contains("closed /c-1"))
            #expect(steps.all.filter { $0 == "closing /c-1" }.count == 1)
        }
    }

    @Test("two threads that want the same namespace get one adapter")
    func madeOnce() async throws {
        let made = Recorder<String>()
        try await withServer(loops: 2) {
            $0.durableRooms = DurableRooms()
            $0.adapter = { context in
                made.append(context.namespace)
                guard context.namespace == "/both" else { return context.local }
                // Long enough for the other thread to come here, too.
                let end = ContinuousClock.now + .milliseconds(300)
                while ContinuousClock.now < end, made.all.filter({ $0 == "/both" }).count < 2 {}
                return context.local
            }
        } _: { io, address in
            let making = io.context.shards.map { shard in shard.eventLoop.submit { io.of("/both") } }
            let namespaces = [try await making[0].get(), try await making[1].get()]
            #expect(namespaces[0] === namespaces[1])
            #expect(made.all.filter { $0 == "/both" }.count == 1)
            // The history of its rooms tells the namespace that is used.
            namespaces[0].onConnection { $0.join("room") }
            let socket = try await SocketTestClient.connect(to: address).join("/both")
            try await io.of("/both").to("room").durable.emit("kept", 1)
            #expect(try await socket.next("kept").arguments.first == 1)
        }
        #expect(made.all == ["/", "/both"])
    }

    @Test("a namespace that is made after the end gets none")
    func madeLate() async throws {
        let made = Recorder<String>()
        try await withServer {
            $0.adapter = { context in
                made.append(context.namespace)
                return context.local
            }
        } _: { io, _ in
            await io.close()
            #expect(io.of("/late").adapter === io.of("/late").local)
        }
        #expect(made.all == ["/"])
    }
}
