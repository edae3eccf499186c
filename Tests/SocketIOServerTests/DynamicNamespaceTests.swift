// Part of socketio-server, MIT licence; see LICENSE.

import MetricTesting
import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

@Suite("Dynamic namespaces")
struct DynamicNamespaceTests {
    @Test("a pattern makes children with its middlewares and handlers", arguments: loopCounts)
    func pattern(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let made = Recorder<String>()
            let steps = Recorder<String>()
            io.onNewNamespace { made.append($0.name) }
            let parent = io.of(#/^/dynamic-\d+$/#)
            parent.use { steps.append("middleware \($0.namespace.name)") }
            parent.onConnection { steps.append("connection \($0.namespace.name)") }
            #expect(parent.name.hasPrefix("/_"))
            let client = try await SocketTestClient.connect(to: address)
            let first = try await client.join("/dynamic-1")
            try await client.join("/dynamic-2")
            await #expect(throws: RefusedNamespace.self) { try await client.join("/dynamic-x") }
            #expect(made.all == ["/dynamic-1", "/dynamic-2"])
            #expect(steps.all.count == 4)
            #expect(Set(parent.children.map(\.name)) == ["/dynamic-1", "/dynamic-2"])
            parent.emit("to all", 1)
            #expect(try await first.next("to all").arguments == [1])
            await #expect(throws: SocketError.self) { try await parent.fetchSockets() }
        }
    }

    @Test("a function decides with the name and the auth, asynchronously; the first that accepts wins")
    func function() async throws {
        try await withServer { io, address in
            let refusing = io.of { _, _ in throw ConnectError("broken matcher") }
            let first = io.of { name, auth in
                await Task.yield()
                return name == "/secret" && auth["key"] == "open"
            }
            let second = io.of { name, _ in name == "/secret" }
            let client = try await SocketTestClient.connect(to: address)
            try await client.join("/secret", auth: ["key": "open"])
            #expect(first.children.map(\.name) == ["/secret"])
            #expect(second.children.isEmpty && refusing.children.isEmpty)
        }
    }

    @Test("two clients at once get the same child", arguments: loopCounts)
    func race(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let gate = Gate()
            let asked = Recorder<String>()
            let parent = io.of { name, _ in
                asked.append(name)
                try await gate.pass()
                return true
            }
            let clients = [
                try await SocketTestClient.connect(to: address), try await SocketTestClient.connect(to: address),
            ]
            async let first = clients[0].join("/same")
            async let second = clients[1].join("/same")
            _ = try await asked.waitFor(2)
            gate.open()
            gate.open()
            _ = try await (first, second)
            #expect(parent.children.count == 1)
            #expect(io.of("/same").socketCount == 2)
        }
    }

    @Test("a name given to `of` belongs to the pattern that accepts it")
    func staticChild() async throws {
        try await withServer { io, address in
            let parent = io.of(#/^/p-/#)
            let child = io.of("p-1")
            #expect(parent.children.first === child)
            #expect(io.of("/p-1") === child)
        }
    }

    @Test("children without sockets are forgotten when that is asked for")
    func cleanup() async throws {
        try await withServer {
            $0.cleanupEmptyChildNamespaces = true
        } _: { io, address in
            let parent = io.of(#/^/c-/#)
            parent.use { if $0.handshake.auth["no"] == true { throw ConnectError("no") } }
            let client = try await SocketTestClient.connect(to: address)
            let socket = try await client.join("/c-1")
            let child = try #require(parent.children.first)
            try await socket.disconnect()
            try await eventually("the child is forgotten") { parent.children.isEmpty }
            #expect(!io.namespaces.contains { $0 === child })
            try await client.join("/c-1")
            #expect(parent.children.first !== child)
            await #expect(throws: RefusedNamespace.self) { try await client.join("/c-2", auth: ["no": true]) }
            try await eventually("the refused one's too") { parent.children.map(\.name) == ["/c-1"] }
        }
    }

    @Test("children stay by default")
    func noCleanup() async throws {
        // With one event loop the last socket has let go of the child before the next client is looked at.
        try await withServer(loops: 1) { io, address in
            let parent = io.of(#/^/c-/#)
            let client = try await SocketTestClient.connect(to: address)
            try await client.join("/c-1")
            let child = try #require(parent.children.first)
            await client.close()
            try await eventually("nobody is there") { child.socketCount == 0 }
            let next = try await SocketTestClient.connect(to: address)
            #expect(parent.children.count == 1 && parent.children.first === child)
            #expect(io.namespaces.contains { $0 === child })
            try await next.join("/c-1")
            #expect(parent.children.count == 1 && child.socketCount == 1)
        }
    }

    @Test("their number is limited")
    func limit() async throws {
        try await CountedMetrics.counting { (metrics: CountedMetrics) async throws in
            try await withServer {
                $0.maxDynamicNamespaces = 2
            } _: { io, address in
                _ = io.of { _, _ in true }
                let client = try await SocketTestClient.connect(to: address)
                try await client.join("/a")
                try await client.join("/b")
                #expect(metrics["socketio_namespaces_refused_total"] == 0)
                #expect(await refusal { try await client.join("/c") } == ["message": "Invalid namespace"])
                #expect(metrics["socketio_namespaces_refused_total"] == 1)
            }
        }
    }
}
