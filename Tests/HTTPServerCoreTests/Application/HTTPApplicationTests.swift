// Part of socketio-server, MIT licence; see LICENSE.

import HTTPTesting
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import HTTPServerCore

private struct ClosureApplication: HTTPApplication {
    let body: @Sendable (ApplicationRequest, ApplicationResponseWriter) async throws -> Void

    func respond(to request: ApplicationRequest, writer: ApplicationResponseWriter) async {
        do {
            try await body(request, writer)
        } catch {
            // What went wrong shows in what the client receives.
        }
    }
}

@Suite("HTTP applications")
struct HTTPApplicationTests {
    private func request(_ method: String, _ target: String, _ lines: String = "", body: String = "") -> String {
        "\(method) \(target) HTTP/1.1\r\nHost: x\r\n\(lines)\r\n\(body)"
    }

    private func with(
        _ body: @escaping @Sendable (ApplicationRequest, ApplicationResponseWriter) async throws -> Void,
        configure: (inout HTTPServerConfiguration) -> Void = { _ in },
        _ test: (TestServer, SocketClient) async throws -> Void
    ) async throws {
        try await TestServer.with(
            service: ScriptedService(application: ClosureApplication(body: body)), configure: configure
        ) { server in
            try await test(server, try await server.connect())
        }
    }

    @Test func simpleAnswersAndErrors() async throws {
        struct Broken: Error {}
        let application = SimpleApplication { request in
            if request.target == "/broken" { throw Broken() }
            return .text(
                "\(request.method.rawValue) \(request.target) \(try await request.body.collect(upTo: 10).readableBytes)"
            )
        }
        try await TestServer.with(service: ScriptedService(application: application)) { server in
            let client = try await server.connect()
            try await client.send(
                request("GET", "/a?b") + request("POST", "/c", "Content-Length: 3\r\n", body: "abc")
                    + request("GET", "/broken")
                    + request("POST", "/c", "Content-Length: 11\r\n", body: "abcdefghijk") + request("GET", "/last"))
            let answers = try await client.answers(5)
            #expect(answers.map(\.status) == [200, 200, 500, 500, 200])
            #expect(
                answers[0].body == "GET /a?b 0" && answers[1].body == "POST /c 3" && answers[4].body == "GET /last 0")
        }
    }

    @Test func streamedAnswersAreChunked() async throws {
        try await with({ _, writer in
            try await writer.writeHead(status: .created, headers: ["X-A": "b"])
            for piece in ["one", "", "two!"] { try await writer.write(ByteBuffer(string: piece)) }
            try await writer.finish()
        }) { _, client in
            try await client.send(request("GET", "/") + request("HEAD", "/"))
            try await client.wait { received, _ in received.split(separator: "HTTP/1.1 201 Created").count == 2 }
            let received = client.received
            #expect(received.contains("Transfer-Encoding: chunked\r\n"))
            #expect(received.contains("\r\n\r\n3\r\none\r\n4\r\ntwo!\r\n0\r\n\r\nHTTP/1.1 201 Created\r\n"))
            #expect(received.hasSuffix("\r\n\r\n"))
        }
    }

    @Test func announcedLengthsHold() async throws {
        try await with({ request, writer in
            try await writer.writeHead(status: .ok, headers: ["Content-Length": "4"])
            if request.target == "/long" {
                await #expect(throws: ApplicationResponseError.tooMuchBody) {
                    try await writer.write(ByteBuffer(string: "12345"))
                }
            }
            try await writer.write(ByteBuffer(string: request.target == "/short" ? "123" : "1234"))
            try await writer.finish()
        }) { _, client in
            try await client.send(request("GET", "/") + request("GET", "/long") + request("HEAD", "/"))
            try await client.wait { received, _ in received.split(separator: "HTTP/1.1 200 OK").count == 3 }
            #expect(client.received.split(separator: "1234HTTP").count == 3)
            #expect(!client.received.contains("chunked"))
            // The client must notice that something is missing.
            try await client.send(request("GET", "/short"))
            try await client.wait { received, isClosed in isClosed && received.hasSuffix("123") }
        }
    }

    @Test func forgottenAnswersAreErrors() async throws {
        try await with({ request, writer in
            if request.target == "/part" {
                try await writer.writeHead(status: .ok)
                try await writer.write(ByteBuffer(string: "part"))
            }
        }) { _, client in
            try await client.send(request("GET", "/nothing") + request("GET", "/part"))
            try await client.wait { received, isClosed in isClosed && received.hasSuffix("4\r\npart\r\n") }
            #expect(client.received.hasPrefix("HTTP/1.1 500 Internal Server Error\r\n"))
        }
    }

    @Test func rulesOfTheWriter() async throws {
        let errors = NIOLockedValueBox<[ApplicationResponseError]>([])
        let note: @Sendable (() async throws -> Void) async -> Void = { work in
            do {
                try await work()
            } catch let error as ApplicationResponseError {
                errors.withLockedValue { $0.append(error) }
            } catch {
                Issue.record(error)
            }
        }
        try await with({ _, writer in
            await note { try await writer.write(ByteBuffer(string: "x")) }
            await note { try await writer.finish() }
            try await writer.writeHead(status: .ok)
            await note { try await writer.writeHead(status: .ok) }
            try await writer.finish()
            await note { try await writer.finish() }
            await note { try await writer.write(ByteBuffer(string: "x")) }
        }) { _, client in
            try await client.send(request("GET", "/"))
            let answer = try await client.answers(1)[0]
            #expect(answer.status == 200 && answer.head.contains("Content-Length: 0\r\n"))
            #expect(await holdsSoon { errors.withLockedValue { $0.count } == 5 })
            #expect(
                errors.withLockedValue { $0 } == [
                    .headMissing, .headMissing, .alreadyWritten, .alreadyWritten, .alreadyWritten,
                ])
        }
    }

    @Test func bodiesStreamWithBackPressure() async throws {
        let total = 8 * 1024 * 1024
        let gate = NIOLockedValueBox(false)
        let size = NIOLockedValueBox(0)
        try await with({ request, writer in
            var iterator = request.body.makeAsyncIterator()
            _ = try await iterator.next().map { piece in size.withLockedValue { $0 += piece.readableBytes } }
            while !gate.withLockedValue({ $0 }) { try await Task.sleep(for: .milliseconds(2)) }
            while let piece = try await iterator.next() { size.withLockedValue { $0 += piece.readableBytes } }
            try await writer.respond(status: .ok, body: ByteBuffer(string: "done"))
        }) { _, client in
            try await client.send(request("POST", "/", "Content-Length: \(total)\r\nExpect: 100-continue\r\n"))
            try await client.wait { received, _ in received == "HTTP/1.1 100 Continue\r\n\r\n" }
            let promise = client.channel.eventLoop.makePromise(of: Void.self)
            let written = NIOLockedValueBox(false)
            promise.futureResult.whenComplete { _ in written.withLockedValue { $0 = true } }
            client.channel.writeAndFlush(ByteBuffer(repeating: 0x61, count: total), promise: promise)
            #expect(await holdsSoon { size.withLockedValue { $0 } > 0 })
            // Nobody reads: socket buffers fill up and the client has to wait with the rest.
            #expect(!(await holdsSoon(seconds: 1) { written.withLockedValue { $0 } }))
            gate.withLockedValue { $0 = true }
            try await client.wait(seconds: 20) { received, _ in received.hasSuffix("done") }
            #expect(size.withLockedValue { $0 } == total)
        }
    }

    @Test func writersWaitForSlowReaders() async throws {
        let written = NIOLockedValueBox(0)
        try await with({ _, writer in
            try await writer.writeHead(status: .ok)
            let piece = ByteBuffer(repeating: 0x62, count: 64 * 1024)
            for _ in 0..<400 {
                try await writer.write(piece)
                written.withLockedValue { $0 += piece.readableBytes }
            }
            try await writer.finish()
        }) { _, client in
            try await client.channel.setOption(.autoRead, value: false).get()
            try await client.send(request("GET", "/"))
            #expect(await holdsSoon { written.withLockedValue { $0 } > 0 })
            #expect(!(await holdsSoon(seconds: 1) { written.withLockedValue { $0 } == 400 * 64 * 1024 }))
            try await client.channel.setOption(.autoRead, value: true).get()
            #expect(
                await holdsSoon(seconds: 20) {
                    client.received { $0.suffix(5).elementsEqual("0\r\n\r\n".utf8) }
                })
            #expect(client.received { $0.count } > 400 * 64 * 1024)
        }
    }

    @Test func aTaskEndsWithItsConnection() async throws {
        let started = NIOLockedValueBox(false)
        let ended = NIOLockedValueBox<[String]>([])
        try await with({ request, writer in
            started.withLockedValue { $0 = true }
            do {
                for try await _ in request.body {}
                ended.withLockedValue { $0.append("complete") }
            } catch {
                ended.withLockedValue { $0.append("aborted, cancelled \(Task.isCancelled)") }
            }
            do {
                try await writer.respond(status: .ok, body: ByteBuffer())
            } catch {
                ended.withLockedValue { $0.append("\(error)") }
            }
        }) { _, client in
            try await client.send(request("POST", "/", "Content-Length: 10\r\n", body: "abc"))
            #expect(await holdsSoon { started.withLockedValue { $0 } })
            try await client.close()
            #expect(await holdsSoon { ended.withLockedValue { $0.count } == 2 })
            #expect(ended.withLockedValue { $0.last } == "connectionClosed")
            #expect(ended.withLockedValue { $0.first?.hasPrefix("aborted") } == true)
        }
    }

    @Test func aReaderThatStallsIsCutOff() async throws {
        let failure = NIOLockedValueBox<(any Error)?>(nil)
        try await with(
            { _, writer in
                do {
                    try await writer.writeHead(status: .ok)
                    let piece = ByteBuffer(repeating: 0x63, count: 16 * 1024)
                    for _ in 0..<10_000 { try await writer.write(piece) }
                    try await writer.finish()
                } catch {
                    failure.withLockedValue { $0 = error }
                }
            },
            configure: { $0.limits.sendTimeout = .milliseconds(100) }
        ) { server, client in
            try await client.channel.setOption(.autoRead, value: false).get()
            try await client.send(request("GET", "/"))
            #expect(
                await holdsSoon { failure.withLockedValue { $0 as? ApplicationResponseError == .connectionClosed } })
            #expect(await holdsSoon { server.listener.connectionCount == 0 })
        }
    }
}
