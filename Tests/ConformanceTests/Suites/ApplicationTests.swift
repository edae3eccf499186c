// Part of socketio-server, MIT licence; see LICENSE.

import ArgumentParser
import SocketIOTesting
import Testing

@testable import socketio_conformance_server

/// The conformance server's own applications, so that an outside suite that fails points at the server and not at them.
@Suite("Conformance applications")
struct ApplicationTests {
    @Test("Options of features that do not exist are refused with exit code 64")
    func refusedOptions() throws {
        let base = ["--app", "mixed", "--port", "0"]
        for more in [
            ["--adapter", "nope"], ["--adapter", "redis", "--app", "eio"], ["--redis", "redis://127.0.0.1:6379"],
            ["--key", "k"], ["--mode", "static"],
            ["--specific-response-channel"], ["--requests-timeout", "1"],
            ["--parser", "nope"], ["--ping", "0"], ["--event-loops", "0"], ["--port", "70000"], ["--app", "nope"],
            ["--unknown"],
        ] {
            do {
                _ = try ConformanceServer.parse(base + more)
                Issue.record("\(more) was accepted")
            } catch {
                #expect(ConformanceServer.exitCode(for: error).rawValue == 64, "\(more)")
                #expect(!ConformanceServer.message(for: error).isEmpty)
            }
        }
        let parsed = try ConformanceServer.parse(base + ["--ping", "100", "--adapter", "memory", "--name", "a"])
        #expect(parsed.ping == 100)
    }

    @Test("Every application answers /health", arguments: ConformanceApplication.allCases)
    func health(application: ConformanceApplication) async throws {
        try await ServerUnderTest.application(application) { address in
            let response = try await get(address, "/health")
            #expect(response.status == 200)
            #expect(response.text == "ok")
        }
    }

    @Test("client-suite", arguments: TestTransport.allCases)
    func clientSuite(transport: TestTransport) async throws {
        try await ServerUnderTest.application(.clientSuite) { address in
            let client = try await SocketTestClient.connect(to: address, transport: transport, query: ["x=1"])
            let socket = try await client.join()
            #expect(try await socket.emitWithAck("echo", ["a": 1]) == [["a": 1]])
            #expect(try await socket.emitWithAck("getId") == [.string(socket.id)])
            let handshake = try await socket.emitWithAck("getHandshake").first
            #expect(handshake?["query"]?["x"] == "1")
            #expect(handshake?["xdomain"] == false)
            try await socket.emit("hi")
            #expect(try await socket.events.next() == TestEvent("hi"))
            try await socket.emit("ack")
            try await socket.acknowledge(try await socket.next("ack"), 5, ["test": true])
            #expect(try await socket.events.next() == TestEvent("got it"))
            try await socket.emit("getUtf8")
            for text in ["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"] {
                #expect(try await socket.events.next() == TestEvent("takeUtf8", .string(text)))
            }
            try await socket.emit("false")
            #expect(try await socket.events.next() == TestEvent("false", false))
            let bytes = TestValue.binary(Array("asdfasdf".utf8))
            try await socket.emit("doge")
            #expect(try await socket.events.next() == TestEvent("doge", bytes))
            try await socket.emit("getbin")
            #expect(try await socket.events.next() == TestEvent("takebin", bytes))
            for (event, arguments, answer): (String, TestValue, String) in [
                ("buffa", bytes, "buffack"),
                ("jsonbuff", ["hello": "lol", "message": bytes, "goodbye": "gotcha"], "jsonbuff-ack"),
                ("jsonblob", ["hello": "lol", "message": bytes, "goodbye": "gotcha"], "jsonblob-ack"),
                ("blob", bytes, "back"),
            ] {
                try await socket.emit(event, arguments)
                #expect(try await socket.events.next() == TestEvent(answer))
            }
            try await socket.emit("abuff1", bytes)
            try await socket.emit("abuff2", "please arrive second")
            #expect(try await socket.events.next() == TestEvent("abuff2-ack"))
            try await socket.emit("blob1", bytes)
            try await socket.emit("blob2", "second")
            try await socket.emit("blob3", bytes)
            #expect(try await socket.events.next() == TestEvent("blob3-ack"))
            let date = try await socket.emitWithAck("getAckDate", ["test": true]).first?.string
            #expect(date?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil, "\(date ?? "")")

            #expect(try await client.join("/foo").emitWithAck("getId").first?.string?.count == 20)
            let abc = try await client.join("/abc", auth: ["token": "t"])
            #expect(try await abc.next("handshake").arguments.first?["auth"] == ["token": "t"])
            await #expect(throws: RefusedNamespace(reason: ["message": "Auth failed (custom namespace)"])) {
                try await client.join("/no")
            }
            await #expect(throws: RefusedNamespace(reason: ["message": "Invalid namespace"])) {
                try await client.join("/invalid")
            }
            await client.close()
            let failing = try await SocketTestClient.connect(to: address, transport: transport, query: ["fail=true"])
            await #expect(throws: RefusedNamespace(reason: ["message": "Auth failed (main namespace)"])) {
                try await failing.join()
            }
            await failing.close()
        }
    }

    @Test("mixed", arguments: [1, 2])
    func mixed(loops: Int) async throws {
        try await ServerUnderTest.application(.mixed, loops: loops) { address in
            var clients: [SocketTestClient] = []
            var sockets: [TestSocket] = []
            for _ in 0..<3 {
                let client = try await SocketTestClient.connect(to: address)
                clients.append(client)
                let socket = try await client.join("/chat", auth: ["k": 1])
                #expect(try await socket.emitWithAck("join", ["all", "r\(sockets.count)"]) == ["ok"])
                sockets.append(socket)
            }
            let a = sockets[0]
            let b = sockets[1]
            let who = try await a.emitWithAck("whoami").first
            #expect(who?["nsp"] == "/chat")
            #expect(who?["transport"] == "websocket")
            #expect(try await a.emitWithAck("echo", 1, .binary([1]), nil) == [1, .binary([1]), nil])
            #expect(try await a.emitWithAck("set-data", ["n": 1]) == ["ok"])

            // Delivered to each whole, and to the right ones.
            #expect(
                try await a.emitWithAck("bcast", ["to": ["r1"], "except": ["r2"]], "one", [1, .binary([2])]) == ["ok"])
            #expect(try await b.events.next() == TestEvent("one", 1, .binary([2])))
            #expect(try await a.emitWithAck("sbcast", ["to": ["all"]], "others", []) == ["ok"])
            #expect(try await b.events.next() == TestEvent("others"))
            #expect(try await sockets[2].events.next() == TestEvent("others"))
            #expect(a.events.count == 0)

            for (index, socket) in sockets.enumerated() { socket.answer("ask") { [.number(Double(index))] + $0 } }
            let answers = try await a.emitWithAck("bcast-ack", ["to": ["all"]], "ask", ["x"]).first
            #expect(answers?["err"] == .null)
            guard case .array(let numbers)? = answers?["res"] else {
                Issue.record("bcast-ack: \(String(describing: answers))")
                return
            }
            #expect(Set(numbers) == [0, 1, 2])
            let late = try await a.emitWithAck("bcast-ack", ["to": ["r1"], "timeout": 50], "silence", []).first
            #expect(late?["err"] == "operation has timed out")
            #expect(late?["res"] == [])
            #expect(try await a.emitWithAck("emit-with-ack-to-me", ["y"]) == [["err": nil, "res": 0]])

            let fetched = try await a.emitWithAck("fetch", ["to": ["r0"]]).first?["res"]?[0]
            #expect(fetched?["id"] == .string(a.id))
            #expect(fetched?["data"] == ["n": 1])
            #expect(fetched?["auth"] == ["k": 1])
            #expect(fetched?["query"] == "4")
            #expect(fetched?["rooms"] == .array([a.id, "all", "r0"].sorted().map(TestValue.string)))

            #expect(try await a.emitWithAck("sockets-join", ["to": ["r1"]], ["late"]) == ["ok"])
            try await eventually("the join") {
                try await a.emitWithAck("sockets-in", ["late"]) == [[.string(b.id)]]
            }
            #expect(try await a.emitWithAck("sockets-leave", [:], "late") == ["ok"])
            try await eventually("the leave") { try await a.emitWithAck("sockets-in", ["late"]) == [[]] }
            let rooms = try await a.emitWithAck("all-rooms").first
            #expect(rooms == .array((["all", "r0", "r1", "r2"] + sockets.map(\.id)).sorted().map(TestValue.string)))
            #expect(try await a.emitWithAck("server-count") == [1])
            #expect(try await a.emitWithAck("sse-emit", "sse", [1]) == ["ok"])
            #expect(try await a.emitWithAck("sse-emit-ack", "sse-ask", []) == [["err": nil, "res": []]])
            #expect(try await a.emitWithAck("sse-log") == [[]])

            #expect(try await a.emitWithAck("disconnect-sockets", ["to": ["r2"]], false) == ["ok"])
            await #expect(throws: TestClientError.closed("DISCONNECT")) {
                while true { _ = try await sockets[2].events.next() }
            }
            try await a.emit("kick-me", true)
            await #expect(throws: TestClientError.self) { while true { _ = try await a.events.next() } }
            for client in clients { await client.close() }
        }
    }

    @Test("bench")
    func bench() async throws {
        try await ServerUnderTest.application(.bench) { address in
            let client = try await SocketTestClient.connect(to: address)
            let socket = try await client.join()
            #expect(try await socket.emitWithAck("echo", "a", 1) == ["a", 1])
            try await socket.emitWithAck("join", "room")
            try await socket.emit("msg", "room", ["t": 1])
            #expect(try await socket.events.next() == TestEvent("msg", ["t": 1]))
            try await socket.emitWithAck("leave", "room")
            try await socket.emit("msg", "room", ["t": 2])
            #expect(try await socket.emitWithAck("echo", "b") == ["b"])
            #expect(socket.events.count == 0)
            await client.close()
        }
    }
}
