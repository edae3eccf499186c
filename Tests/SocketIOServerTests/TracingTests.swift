// Part of socketio-server, MIT licence; see LICENSE.

import InMemoryTracing
import SocketIOTesting
import Testing
import Tracing

@testable import SocketIOServer

/// The spans of a server with a tracer.
@Suite("Spans", .timeLimit(.minutes(2)))
struct TracingTests {
    private struct Broken: Error {}

    /// A server with a tracer that keeps its spans.
    private func withTracer(
        _ body: @escaping @Sendable (Server, ServerAddress, InMemoryTracer) async throws -> Void
    ) async throws {
        let tracer = InMemoryTracer()
        try await withServer(loops: 2, { $0.tracer = tracer }) { try await body($0, $1, tracer) }
    }

    private func span(_ name: String, of tracer: InMemoryTracer) async throws -> FinishedInMemorySpan {
        try await eventually("the span \(name)") { tracer.finishedSpans.contains { $0.operationName == name } }
        return try #require(tracer.finishedSpans.first { $0.operationName == name })
    }

    @Test("a client that joins has one, which continues the trace of the request")
    func connecting() async throws {
        try await withTracer { io, address, tracer in
            io.use { _ in
                await Task.yield()
                let span = tracer.startSpan("token", context: .current ?? .topLevel)
                span.end()
            }
            io.onConnection { socket in socket.emit("hello") }
            let headers = [
                (name: InMemoryTracer.traceIDKey, value: "trace-of-the-proxy"),
                (name: InMemoryTracer.spanIDKey, value: "span-of-the-proxy"),
            ]
            let client = try await SocketTestClient.connect(to: address, headers: headers).join()
            let connect = try await span("connect", of: tracer)
            #expect(connect.traceID == "trace-of-the-proxy")
            #expect(connect.parentSpanID == "span-of-the-proxy")
            #expect(connect.kind == .server)
            #expect(connect.attributes.get("messaging.destination.name") == .string("/"))
            // What a middleware does belongs to it.
            let token = try await span("token", of: tracer)
            #expect(token.traceID == connect.traceID && token.parentSpanID == connect.spanID)
            try await client.disconnect()
        }
    }

    @Test("a refusal shows in it")
    func refused() async throws {
        try await withTracer { io, address, tracer in
            io.use { _ in throw ConnectError("no") }
            let client = try await SocketTestClient.connect(to: address)
            await #expect(throws: (any Error).self) { try await client.join() }
            let connect = try await span("connect", of: tracer)
            #expect(connect.status?.code == .error && connect.errors.count == 1)
        }
    }

    @Test("an event has one, until its handler has ended, and what it sends belongs to it")
    func event() async throws {
        try await withTracer { io, address, tracer in
            let gate = Gate()
            io.onConnection { socket in
                socket.on("talk") { (text: String) async throws in
                    try await gate.pass()
                    io.to("room").emit("said", text)
                    _ = try await io.fetchSockets()
                }
            }
            let client = try await connect(1, to: address)[0]
            try await client.emit("talk", .string("hi"))
            try await eventually("the handler runs") {
                tracer.activeSpans.contains { $0.operationName == "process talk" }
            }
            gate.open()
            let process = try await span("process talk", of: tracer)
            #expect(process.parentSpanID == nil && process.kind == .consumer)
            let publish = try await span("publish said", of: tracer)
            #expect(publish.parentSpanID == process.spanID && publish.kind == .producer)
            #expect(publish.attributes.get("socketio.room_count") == .int64(1))
            let question = try await span("fetchSockets", of: tracer)
            #expect(question.parentSpanID == process.spanID && question.kind == .client)
        }
    }

    @Test("a handler that fails shows in it, an event without handler has none", arguments: [true, false])
    func failures(isAsynchronous: Bool) async throws {
        try await withTracer { io, address, tracer in
            io.onConnection { socket in
                if isAsynchronous {
                    socket.on("break") { () async throws in
                        await Task.yield()
                        throw Broken()
                    }
                } else {
                    socket.on("break") { () throws in throw Broken() }
                }
            }
            let client = try await connect(1, to: address)[0]
            try await client.emit("nobody", .string("listens"))
            try await client.emit("break")
            let process = try await span("process break", of: tracer)
            #expect(process.status?.code == .error && process.errors.count == 1)
            #expect(process.errors.first?.error is Broken)
            #expect(!tracer.finishedSpans.contains { $0.operationName.hasSuffix("nobody") })
            try await eventually("nothing is left open") { tracer.activeSpans.isEmpty }
        }
    }

    @Test("one that has ended takes no more work, and ends once")
    func ended() {
        let tracer = InMemoryTracer()
        let span = SocketSpan(tracer.startSpan("work"))
        let work = span.run { span.retained() }
        #expect(work != nil && tracer.finishedSpans.isEmpty)
        work?.release()
        #expect(tracer.finishedSpans.count == 1)
        #expect(span.retained() == nil)
    }

    @Test("with middlewares of events, too")
    func middlewares() async throws {
        try await withTracer { io, address, tracer in
            io.onConnection { socket in
                socket.use { _ in await Task.yield() }
                socket.on("work") {}
            }
            let client = try await connect(1, to: address)[0]
            try await client.emit("work")
            try await client.emit("nobody")
            _ = try await span("process work", of: tracer)
            #expect(tracer.finishedSpans.count { $0.operationName.hasPrefix("process") } == 1)
        }
    }
}
