// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// The HTTP API and rooms with a history: events that are kept, and pages of them.
@Suite struct HTTPAPIHistoryTests {
    /// Keeps `numbers` in a room, and returns their positions.
    private func keep(_ numbers: ClosedRange<Int>, in room: String, _ api: APIUnderTest) async throws -> [String] {
        var positions: [String] = []
        for number in numbers {
            let answer = try await api.post(
                "emit", #"{"event":"n","args":[\#(number)],"to":"\#(room)","durable":true}"#
            ).value
            positions.append(try #require(answer["position"]?.string))
        }
        return positions
    }

    private func numbers(_ page: SocketValue) -> [Int] {
        (page["events"]?.array ?? []).compactMap { $0["args"]?[0]?.int.map { Int($0) } }
    }

    @Test func pagesBackwardsAndForwards() async throws {
        try await APIUnderTest.run { (api) async throws in
            let member = try await api.socket()
            #expect(try await api.post("join", #"{"everyone":true,"rooms":"r"}"#).status == 200)
            let positions = try await keep(1...25, in: "r", api)
            for number in 1...25 {
                let event = try await member.next("n")
                #expect(event.arguments == [.number(Double(number)), .string(positions[number - 1])])
            }
            var (found, query): ([Int], String) = ([], "")
            while true {
                let page = try await api.get("history?room=r&limit=10" + query)
                #expect(page["complete"] == true && page["newest"] == .string(positions[24]))
                found = numbers(page) + found
                query = "&before=" + (page["events"]?[0]?["position"]?.string ?? "")
                if page["hasMore"] == false { break }
            }
            #expect(found == Array(1...25))
            found = []
            query = "&after=" + positions[4]
            while true {
                let page = try await api.get("history?room=r&limit=10" + query)
                found += numbers(page)
                query = "&after=" + (page["events"]?.array?.last?["position"]?.string ?? "")
                if page["hasMore"] == false { break }
            }
            #expect(found == Array(6...25))
            // The default is the last 50.
            _ = try await keep(26...60, in: "r", api)
            #expect(numbers(try await api.get("history?room=r")) == Array(11...60))
        }
    }

    @Test func whatAnEventOfAPageHas() async throws {
        try await APIUnderTest.run { (api) async throws in
            let data = SocketData([1, 2, 3])
            let position = try await api.io.of("/other").to("caf\u{e9}").durable.emit("b", data, ["a": true])
            let page = try await api.get("history?namespace=/other&room=caf%C3%A9")
            let event = page["events"]?[0]
            #expect(event?["position"] == .string("\(position)") && event?["event"] == "b")
            #expect(event?["args"] == [["base64": "AQID"], ["a": true]])
            #expect((event?["time"]?.int ?? 0) > 1_600_000_000_000)
            // Another spelling and another namespace are other rooms.
            for query in ["namespace=/other&room=cafe%CC%81", "room=caf%C3%A9"] {
                let none: SocketValue = ["events": [], "hasMore": false, "complete": true, "newest": .null]
                #expect(try await api.get("history?" + query) == none)
            }
        }
    }

    @Test func whatIsMissingIsTold() async throws {
        try await APIUnderTest.run { (api) async throws in
            let positions = try await keep(1...101, in: "r", api)
            #expect(try await api.get("history?room=r&after=\(positions[0])")["complete"] == true)
            let before = positions[0].replacing("-1", with: "-0")
            #expect(try await api.get("history?room=r&after=\(before)")["complete"] == false)
            let other = try await api.get("history?room=r&before=Other1-5")
            #expect(other["complete"] == false && other["events"] == [])
        }
    }

    @Test(arguments: [
        ("history", "400 badField room"), ("history?room=r&room=s", "400 badField room"),
        ("history?room=r&before=x", "400 badField before"), ("history?room=r&after=abc123-01", "400 badField after"),
        ("history?room=r&after=abc123-1&before=abc123-2", "400 badField after"),
        ("history?room=r&limit=0", "400 badField limit"), ("history?room=r&limit=1001", "400 badField limit"),
        ("history?room=none", "400 badField room"), ("history?room=r&since=abc123-1", "400 badField since"),
        ("history?room=r&namespace=/nowhere", "404 unknownNamespace namespace"),
        ("sockets?before=abc123-1", "400 badField before"),
    ])
    func refusals(question: String, refusal: String) async throws {
        try await APIUnderTest.run { (api) async throws in
            #expect(try await api.ask("GET", "/api/" + question).refusal == refusal)
        }
    }

    @Test func scopesAndMethods() async throws {
        try await APIUnderTest.run { (api) async throws in
            _ = try await keep(1...2, in: "r", api)
            let path = "/api/history?room=r"
            #expect(try await api.ask("GET", path, token: APIUnderTest.historian).status == 200)
            #expect(try await api.ask("GET", path, token: APIUnderTest.reader).refusal == "403 forbidden")
            #expect(try await api.ask("GET", "/api/rooms", token: APIUnderTest.historian).refusal == "403 forbidden")
            #expect(try await api.ask("GET", path, token: APIUnderTest.sender).refusal == "403 forbidden")
            #expect(try await api.ask("GET", path, token: nil).refusal == "401 unauthorized")
            #expect(try await api.ask("POST", path).refusal == "405 methodNotAllowed")
        }
    }

    @Test(arguments: [
        (#""to":"r","volatile":true"#, "400 badField durable"),
        (#""to":"r","ackTimeoutMs":10"#, "400 badField durable"),
        (#""to":["r","s"]"#, "400 badField durable"), (#""to":[]"#, "400 badField durable"),
        (#""to":"none""#, "400 badField durable"),
        (#""to":"r","args":["\#(String(repeating: "x", count: 2_000))"]"#, "413 tooLarge"),
    ])
    func eventsThatAreNotKept(members: String, refusal: String) async throws {
        try await APIUnderTest.run { (api) async throws in
            #expect(try await api.post("emit", #"{"event":"n","durable":true,\#(members)}"#).refusal == refusal)
            #expect(try await api.get("history?room=r")["newest"] == .null)
        }
    }
}
