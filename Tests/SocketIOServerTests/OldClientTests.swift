// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// Clients of revision 3, which are those of version 1 and 2.
@Suite("Clients of Engine.IO 3")
struct OldClientTests {
    /// Long-polling by hand.
    private struct Poller {
        let address: ServerAddress
        let query: String
        let sid: String

        static func connect(to address: ServerAddress, _ query: String = "") async throws -> (Poller, String) {
            let connection = try await HTTPTestConnection.connect(to: address)
            let response = try await connection.request(
                HTTPTestRequest("GET", "/socket.io/?EIO=3&transport=polling\(query)"))
            #expect(response.status == 200)
            let parts = response.text.replacing("\\\"", with: "\"").split(separator: "\"")
            let index = try #require(parts.firstIndex(of: "sid"))
            return (Poller(address: address, query: query, sid: String(parts[index + 2])), response.text)
        }

        private var target: String { "/socket.io/?EIO=3&transport=polling\(query)&sid=\(sid)" }

        func poll() async throws -> HTTPTestResponse {
            try await HTTPTestConnection.connect(to: address).request(HTTPTestRequest("GET", target))
        }

        func post(_ body: [UInt8], type: String = "text/plain;charset=UTF-8") async throws -> HTTPTestResponse {
            try await HTTPTestConnection.connect(to: address).request(
                HTTPTestRequest("POST", target, headers: [("Content-Type", type)], body: body))
        }

        func post(_ text: String) async throws { #expect(try await post(Array(text.utf8)).text == "ok") }
    }

    /// A packet behind its length.
    private static func measured(_ packet: String) -> String { "\(packet.utf16.count):\(packet)" }

    /// A WebSocket that has been told `0{…}` and `40`.
    private static func webSocket(
        to address: ServerAddress, _ query: String = ""
    ) async throws -> (WebSocketTestClient, sid: String) {
        let socket = try await WebSocketTestClient.connect(
            to: address, path: "/socket.io/?EIO=3&transport=websocket\(query)")
        let open = try await socket.nextText()
        let sid = try #require(try TestValue(json: String(open.dropFirst()))["sid"]?.string)
        #expect(try await socket.nextText() == "40")
        return (socket, sid)
    }

    private func withOldClients(
        _ change: (inout ServerConfiguration) -> Void = { _ in },
        _ body: (Server, ServerAddress) async throws -> Void
    ) async throws {
        try await withServer({
            $0.engine.allowEIO3 = true
            change(&$0)
        }) { io, address in
            io.onConnection { socket in
                socket.on(
                    "echo",
                    arguments: { arguments, ack in
                        if ack.isRequested {
                            ack(relaying: arguments)
                        } else {
                            socket.emit("echo", arguments: arguments)
                        }
                    })
                socket.on("id") { socket.id }
            }
            try await body(io, address)
        }
    }

    @Test("are refused unless they are allowed")
    func refused() async throws {
        try await withServer { _, address in
            for query in ["EIO=3&", "EIO=5&", ""] {
                let connection = try await HTTPTestConnection.connect(to: address)
                let response = try await connection.request(
                    HTTPTestRequest("GET", "/socket.io/?\(query)transport=polling"))
                #expect(response.status == 400)
                #expect(response.text == #"{"code":5,"message":"Unsupported protocol version"}"#)
            }
        }
    }

    @Test("long-polling: lengths, the main namespace unasked, pings, acknowledgements, binary data both ways")
    func polling() async throws {
        try await withOldClients { io, address in
            let (client, open) = try await Poller.connect(to: address)
            let length = open.prefix { $0 != ":" }
            #expect(Int(length) == open.utf16.count - length.utf16.count - 1)
            #expect(try await client.poll().text == "2:40")
            try await client.post("1:2")
            #expect(try await client.poll().text == "1:3")
            try await client.post(Self.measured(#"421["echo","é😀",1]"#))
            #expect(try await client.poll().text == Self.measured(#"431["é😀",1]"#))
            // Binary, when the client takes it.
            try await client.post(Self.measured(#"451-["echo",{"_placeholder":true,"num":0},"x"]"#) + "10:b4AQIDBA==")
            let response = try await client.poll()
            #expect(response["content-type"] == "application/octet-stream")
            let text = Array(#"451-["echo",{"_placeholder":true,"num":0},"x"]"#.utf8)
            #expect(
                response.body == [0] + "\(text.count)".utf8.map { $0 - 0x30 } + [0xFF] + text + [
                    1, 5, 0xFF, 4, 1, 2, 3, 4,
                ])
            // The same the other way.
            #expect(try await client.post(response.body, type: "application/octet-stream").text == "ok")
            #expect(try await client.poll().body == response.body)
            // A fault ends the session.
            #expect(try await client.post(Array("5:4".utf8)).status == 400)
            try await eventually("the session is gone") { io.engine.clientsCount == 0 }
        }
    }

    /// Such a handshake joins the main namespace, but nobody may be there.
    @Test("handshakes that nothing follows are bounded, as those of other clients are; who comes back stays")
    func abandonedHandshakes() async throws {
        try await withOldClients({ $0.engine.maxPendingSessions = 4 }) { io, address in
            let (loyal, _) = try await Poller.connect(to: address)
            #expect(try await loyal.poll().text == "2:40")
            let (socket, _) = try await Self.webSocket(to: address)
            for _ in 0..<30 { _ = try await Poller.connect(to: address) }
            // Each of the two event loops may have one more.
            try await eventually("the limit") {
                io.engine.clientsCount <= 2 + 4 + 2 && io.sockets.socketCount == io.engine.clientsCount
            }
            #expect(io.engine.clientsCount >= 2 + 4)
            try await loyal.post(Self.measured(#"420["id"]"#))
            #expect(try await loyal.poll().text == Self.measured("430[\"\(loyal.sid)\"]"))
            try await socket.send("2")
            #expect(try await socket.nextText() == "3")
        }
    }

    @Test("base64, and polling by script elements")
    func base64() async throws {
        try await withOldClients { _, address in
            let (client, _) = try await Poller.connect(to: address, "&b64=1")
            #expect(try await client.poll().text == "2:40")
            try await client.post(Self.measured(#"451-["echo",{"_placeholder":true,"num":0}]"#) + "10:b4AQIDBA==")
            let answer = try await client.poll()
            #expect(answer.text == Self.measured(#"451-["echo",{"_placeholder":true,"num":0}]"#) + "10:b4AQIDBA==")
            #expect(answer["content-type"] == "text/plain; charset=UTF-8")
        }
        try await withOldClients { _, address in
            let (client, open) = try await Poller.connect(to: address, "&j=3")
            #expect(open.hasPrefix("___eio[3](\""))
            #expect(try await client.poll().text == #"___eio[3]("2:40");"#)
            let form = #"d=13:421["echo",1]"#.replacing("\"", with: "%22")
            #expect(try await client.post(Array(form.utf8), type: "application/x-www-form-urlencoded").text == "ok")
            #expect(try await client.poll().text == #"___eio[3]("6:431[1]");"#)
        }
    }

    @Test("WebSocket: ids, namespaces with queries, refusals, binary data, base64")
    func webSocket() async throws {
        try await withOldClients { io, address in
            let auths = Recorder<String>()
            io.of("/admin").use { socket in
                auths.append(socket.handshake.auth.description)
                if socket.handshake.auth["token"]?.string == "no" { throw ConnectError("not you") }
                if socket.handshake.auth["token"]?.string == "data" { throw ConnectError("x", data: ["code": 1]) }
            }
            io.of("/admin").onConnection { socket in socket.on("id") { socket.id } }
            let (socket, sid) = try await Self.webSocket(to: address)
            try await socket.send(#"421["id"]"#)
            #expect(try await socket.nextText() == #"431["\#(sid)"]"#)
            try await socket.send("2probe-not")
            #expect(try await socket.nextText() == "3")
            try await socket.send("40/admin?token=no&x=a+b%20c&x=2,")
            #expect(try await socket.nextText() == #"44/admin,"not you""#)
            try await socket.send("40/admin?token=data")
            #expect(try await socket.nextText() == #"44/admin,{"code":1}"#)
            try await socket.send(#"40/admin,{"ignored":1}"#)
            #expect(try await socket.nextText() == "40/admin,")
            // The name may be a URL in each packet.
            try await socket.send(#"42/admin?token=no,2["id"]"#)
            #expect(try await socket.nextText() == #"43/admin,2["/admin#\#(sid)"]"#)
            #expect(auths.all.first?.contains("a b c") == false)
            for name in ["/nowhere", "/a/../admin", "//x/admin", "/a\\b", "/%2e%2E/admin"] {
                try await socket.send("40\(name),")
                #expect(try await socket.nextText() == #"44\#(name),{"message":"Invalid namespace"}"#)
            }
            try await socket.send(#"451-["echo",{"_placeholder":true,"num":0}]"#)
            try await socket.send([4, 9, 8])
            #expect(try await socket.nextText() == #"451-["echo",{"_placeholder":true,"num":0}]"#)
            #expect(try await socket.next() == .binary([4, 9, 8]))
            let (other, _) = try await Self.webSocket(to: address, "&b64=1")
            try await other.send(#"451-["echo",{"_placeholder":true,"num":0}]"#)
            try await other.send("b4AQIDBA==")
            #expect(try await other.nextText() == #"451-["echo",{"_placeholder":true,"num":0}]"#)
            #expect(try await other.nextText() == "b4AQIDBA==")
        }
    }

    @Test("what ends the session", arguments: ["3", "40//,", "40/?token=1,", "b9", "42/unknown,[\"a\"]"])
    func violations(message: String) async throws {
        try await withOldClients { io, address in
            let (socket, _) = try await Self.webSocket(to: address)
            try await socket.send(message)
            try await eventually("the session is gone") { io.engine.clientsCount == 0 }
        }
    }

    @Test("a silent client is given up, one that pings is not")
    func heartbeat() async throws {
        try await withOldClients({
            $0.engine.pingInterval = .seconds(5)
            $0.engine.pingTimeout = .seconds(5)
        }) { io, address in
            let reasons = Recorder<DisconnectReason>()
            io.onConnection { socket in socket.onDisconnect { reasons.append($0) } }
            let (silent, _) = try await Self.webSocket(to: address)
            let (lively, _) = try await Self.webSocket(to: address)
            // It pings a hundred times as often as it has to, so that a busy machine does not make it silent.
            let deadline = ContinuousClock.now + .seconds(30)
            while reasons.all.isEmpty, ContinuousClock.now < deadline {
                try await lively.send("2")
                #expect(try await lively.nextText() == "3")
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(reasons.all == [.pingTimeout])
            #expect(io.engine.clientsCount == 1)
            withExtendedLifetime(silent) {}
        }
    }

    @Test("the upgrade")
    func upgrade() async throws {
        try await withOldClients { io, address in
            let (client, _) = try await Poller.connect(to: address)
            #expect(try await client.poll().text == "2:40")
            let socket = try await WebSocketTestClient.connect(
                to: address, path: "/socket.io/?EIO=3&transport=websocket&sid=\(client.sid)")
            async let pending = client.poll()
            try await socket.send("2probe")
            #expect(try await socket.nextText() == "3probe")
            #expect(try await pending.text == "1:6")
            try await socket.send("5")
            try await socket.send(#"421["echo",5]"#)
            #expect(try await socket.nextText() == "431[5]")
            try await socket.send("2")
            #expect(try await socket.nextText() == "3")
        }
    }

    @Test("one room with clients of both revisions; no offsets for the old ones", arguments: [false, true])
    func together(recovers: Bool) async throws {
        try await withOldClients({
            $0.parser = .auto
            if recovers { $0.connectionStateRecovery = ConnectionStateRecovery() }
        }) { io, address in
            let (old, _) = try await Self.webSocket(to: address)
            let (poller, _) = try await Poller.connect(to: address)
            #expect(try await poller.poll().text == "2:40")
            let new = try await connect(1, to: address)[0]
            io.emit("all", 1, SocketValue.binary(SocketData([7])))
            let text = #"451-["all",1,{"_placeholder":true,"num":0}]"#
            #expect(try await old.nextText() == text)
            #expect(try await old.next() == .binary([4, 7]))
            #expect(
                try await poller.poll().body == [0] + "\(text.utf8.count)".utf8.map { $0 - 0x30 } + [0xFF]
                    + Array(text.utf8) + [1, 2, 0xFF, 4, 7])
            #expect(Array(try await new.events.next().arguments.prefix(2)) == [1, .binary([7])])
            io.local.emit("text", "x")
            #expect(try await old.nextText() == #"42["text","x"]"#)
        }
    }
}
