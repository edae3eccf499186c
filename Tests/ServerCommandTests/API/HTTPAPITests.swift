// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// The HTTP API: what it does.
@Suite struct HTTPAPITests {
    @Test func anEventReachesEverybodyOrTheRoomsNamed() async throws {
        try await APIUnderTest.run { (api) async throws in
            let (one, two) = (try await api.socket(), try await api.socket())
            #expect(
                try await api.post("emit", #"{"event":"news","args":["open",42,{"a":[null,true]}]}"#).text
                    == "{\"ok\":true}\n")
            for socket in [one, two] {
                let event = try await socket.next("news")
                #expect(
                    event.arguments == [.string("open"), .number(42), .object(["a": .array([.null, .bool(true)])])])
            }
            // A socket's id is a room.
            _ = try await api.post("emit", #"{"event":"one","to":"\#(one.id)"}"#)
            _ = try await api.post("emit", #"{"event":"not one","except":["\#(one.id)"]}"#)
            _ = try await api.post("emit", #"{"event":"end"}"#)
            #expect(try await one.events.next().name == "one")
            #expect(try await one.events.next().name == "end")
            #expect(try await two.events.next().name == "not one")
            #expect(try await two.events.next().name == "end")
        }
    }

    @Test func roomsAreJoinedAndLeft() async throws {
        try await APIUnderTest.run { (api) async throws in
            let (one, two) = (try await api.socket(), try await api.socket())
            #expect(try await api.post("join", #"{"to":"\#(one.id)","rooms":["red","caf\u00e9"]}"#).status == 200)
            #expect(try await api.post("join", #"{"everyone":true,"rooms":"all"}"#).status == 200)
            let rooms: SocketValue = [
                "rooms": [
                    ["name": "all", "sockets": 2], ["name": "caf\u{e9}", "sockets": 1], ["name": "red", "sockets": 1],
                ], "total": 3,
            ]
            #expect(try await api.get("rooms") == rooms)
            #expect(try await api.get("count?room=red") == ["count": 1])
            // Another spelling is another room.
            #expect(try await api.get("count?room=cafe%CC%81") == ["count": 0])
            #expect(try await api.get("count?room=caf%C3%A9") == ["count": 1])
            #expect(try await api.get("count?room=red&room=all") == ["count": 2])
            #expect(try await api.get("rooms?limit=1")["total"] == 3)
            let sockets = try await api.get("sockets?room=red")
            #expect(sockets["total"] == 1)
            #expect(sockets["sockets"]?[0]?["id"] == .string(one.id))
            #expect(sockets["sockets"]?[0]?["rooms"]?.array?.count == 4)
            #expect(sockets["sockets"]?[0]?["address"] == "127.0.0.1")
            #expect(try await api.post("leave", #"{"to":["red"],"rooms":["all","red"]}"#).status == 200)
            #expect(try await api.get("count?room=all") == ["count": 1])
            #expect(try await api.get("count") == ["count": 2])
            _ = two
        }
    }

    @Test func acknowledgementsAreCollected() async throws {
        try await APIUnderTest.run { (api) async throws in
            let (one, silent) = (try await api.socket(), try await api.socket())
            one.answer("sum") { arguments in [.number(Double(arguments.count)), .binary([1, 2, 3])] }
            let answer = try await api.post("emit", #"{"event":"sum","args":[1,2],"ackTimeoutMs":300}"#).value
            #expect(answer["complete"] == false)
            #expect(answer["answers"] == [["socket": .string(one.id), "args": [2, ["base64": "AQID"]]]])
            #expect(answer["missing"] == [.string(silent.id)])
            let alone = try await api.post("emit", #"{"event":"sum","to":"\#(one.id)","ackTimeoutMs":30000}"#).value
            #expect(alone["complete"] == true)
            #expect(alone["missing"] == [])
        }
    }

    @Test func socketsAreDisconnected() async throws {
        try await APIUnderTest.run { (api) async throws in
            let (one, two) = (try await api.socket(), try await api.socket())
            #expect(try await api.post("disconnect", #"{"to":"\#(one.id)","close":true}"#).status == 200)
            try await eventually("it has gone") { try await api.get("count") == ["count": 1] }
            #expect(try await api.get("sockets")["sockets"]?[0]?["id"] == .string(two.id))
        }
    }

    @Test func namespacesAreThoseThatClientsGet() async throws {
        try await APIUnderTest.run(
            APILimits(),
            { io in
                _ = io.of("/fixed")
                io.of(/^\/commu-[0-9]+$/).onConnection { _ in }
            }
        ) { (api) async throws in
            let socket = try await api.socket("/commu-7")
            #expect(try await api.post("emit", #"{"namespace":"/commu-7","event":"hello"}"#).status == 200)
            #expect(try await socket.next("hello").arguments == [])
            // The slash may be left out; one without sockets is there for the call only.
            #expect(try await api.post("emit", #"{"namespace":"fixed","event":"hello"}"#).status == 200)
            #expect(try await api.post("emit", #"{"namespace":"/commu-8","event":"hello"}"#).status == 200)
            #expect(
                try await api.post("emit", #"{"namespace":"/other","event":"hello"}"#).refusal
                    == "404 unknownNamespace namespace")
            #expect(try await api.ask("GET", "/api/count?namespace=/other").refusal == "404 unknownNamespace namespace")
            let names = try await api.get("namespaces")["namespaces"]?.array?.compactMap { $0["name"]?.string }
            #expect(names == ["/", "/commu-7", "/fixed"])
        }
    }

    @Test func aBatchIsCheckedFirstAndCarriedOutInOrder() async throws {
        try await APIUnderTest.run { (api) async throws in
            let socket = try await api.socket()
            let wrong = try await api.post(
                "batch",
                #"{"operations":[{"operation":"emit","event":"a"},{"operation":"emit","event":7}]}"#)
            #expect(wrong.refusal == "400 badField operations[1].event")
            let answer = try await api.post(
                "batch",
                """
                {"operations":[{"operation":"join","everyone":true,"rooms":"r"},{"operation":"emit","to":"r","event":"b"},
                {"operation":"emit","namespace":"/none","event":"c"},{"operation":"emit","event":"d"}]}
                """
            ).value
            #expect(answer["results"]?.array?.count == 4)
            #expect(answer["results"]?[2]?["error"]?["code"] == "unknownNamespace")
            #expect(answer["results"]?[3] == ["ok": true])
            #expect(try await socket.events.next().name == "b")
            #expect(try await socket.events.next().name == "d")
        }
    }

    @Test func aRequestThatIsRepeatedIsCarriedOutOnce() async throws {
        try await APIUnderTest.run { (api) async throws in
            let socket = try await api.socket()
            let first = try await api.post("emit", #"{"event":"pay","args":[1]}"#, key: "k1")
            let again = try await api.post("emit", #"{"event":"pay","args":[1]}"#, key: "k1")
            #expect(first["idempotent-replayed"] == nil && again["idempotent-replayed"] == "true")
            #expect(first.text == again.text)
            #expect(try await api.post("emit", #"{"event":"pay","args":[2]}"#, key: "k1").refusal == "422 keyReused")
            // Another token's keys are its own; a refusal is remembered, too.
            #expect(try await api.post("emit", #"{"event":"pay","args":[3]}"#, key: "k2").status == 200)
            #expect(try await socket.events.next().arguments == [.number(1)])
            #expect(try await socket.events.next().arguments == [.number(3)])
            let long = String(repeating: "k", count: 129)
            #expect(
                try await api.post("emit", #"{"event":"pay"}"#, key: long).refusal == "400 badField Idempotency-Key")
        }
    }

    @Test func whatIsNotBelowItsPathGoesOn() async throws {
        try await APIUnderTest.run { (api) async throws in
            #expect(try await api.ask("GET", "/apis", token: nil).text == "page\n")
            #expect(try await api.ask("GET", "/api", token: nil).text == "page\n")
            #expect(try await api.ask("GET", "/api/openapi.json", token: nil).text == APIDescription.text + "\n")
        }
    }
}
