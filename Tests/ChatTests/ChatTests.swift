// Part of socketio-server, MIT licence; see LICENSE.

import Logging
import NIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import Chat

@Suite("The chat")
struct ChatTests {
    private func withChat(
        _ limits: ChatLimits = ChatLimits(), _ body: (Chat, ServerAddress) async throws -> Void
    ) async throws {
        var configuration = ServerConfiguration()
        configuration.eventLoops = 2
        configuration.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        configuration.engine.logger = configuration.logger
        configuration.engine.keepAliveTimeout = .seconds(60)
        let io = Server(configuration: configuration)
        let chat = Chat(io: io, limits: limits)
        chat.mount()
        do {
            let port = try #require(try await io.listen()?.port)
            try await body(chat, ServerAddress(port: port))
        } catch {
            await io.close()
            throw error
        }
        await io.close()
    }

    private func person(_ name: String, at address: ServerAddress, tab: String? = nil) async throws -> TestSocket {
        var auth: [String: TestValue] = ["name": .string(name)]
        if let tab { auth["tab"] = .string(tab) }
        return try await SocketTestClient.connect(to: address).join(auth: .object(auth))
    }

    private func refusal(_ join: () async throws -> TestSocket) async -> String? {
        do {
            _ = try await join()
            return nil
        } catch {
            return (error as? RefusedNamespace)?.reason["message"]?.string
        }
    }

    @Test("strangers who open conversations with somebody do not keep them out of rooms")
    func conversationsOfStrangers() async throws {
        try await withChat { chat, address in
            let ada = try await person("Ada", at: address)
            let bob = try await person("Bob", at: address)
            let opened = (1..<ChatRoom.maximumConversations).map { "direct:ada\n\($0)" }
            chat.io.in(ada.id).socketsJoin(opened)
            #expect(try await bob.emitWithAck("direct", "Ada")[0]["room"] == "Ada")
            let cy = try await person("Cy", at: address)
            #expect(
                try await cy.emitWithAck("direct", "Ada")[0]["error"]?["message"] == "Ada has too many conversations.")
            // The one there is can be opened again, and there is room for other rooms.
            #expect(try await bob.emitWithAck("direct", "Ada")[0]["room"] == "Ada")
            #expect(try await ada.emitWithAck("join", "tea")[0]["key"] == "room:tea")
            #expect(try await ada.emitWithAck("message", "room:tea", "hello")[0]["error"] == nil)
        }
    }

    @Test("who is in as many rooms as may be hears that there is no more room")
    func tooManyRooms() async throws {
        try await withChat { chat, address in
            let ada = try await person("Ada", at: address)
            chat.io.in(ada.id).socketsJoin((0..<1_022).map { "other:\($0)" })
            #expect(
                try await ada.emitWithAck("join", "tea")[0]["error"]?["message"] == "You are in too many rooms.")
        }
    }

    @Test("twenty who ask for the rooms while somebody looks get one more look, and so do those who enter a room")
    func manyAsk() async throws {
        try await withChat { chat, address in
            var people: [TestSocket] = []
            for number in 0..<20 { people.append(try await person("Person \(number)", at: address)) }
            _ = try await people[0].emitWithAck("join", "tea")
            let (hold, release) = AsyncStream.makeStream(of: Void.self)
            let begun = (chat.looks.rooms.begun, chat.looks.people.begun)
            let rooms = Task {
                try await chat.looks.rooms.value(for: true) {
                    for await _ in hold {}
                    return try RawJSON(encoding: [ChatRoomSummary]())
                }
            }
            try await eventually("somebody looks") { chat.looks.rooms.begun == begun.0 + 1 }
            let asking = people.map { person in Task { try await person.emitWithAck("rooms")[0] } }
            try await eventually("all wait") { chat.looks.rooms.waiting(for: true) == 20 }
            release.finish()
            _ = try await rooms.value
            for answer in asking { #expect(try await answer.value == [["name": "tea", "people": 1]]) }
            #expect(chat.looks.rooms.begun == begun.0 + 2)

            let (holdTea, releaseTea) = AsyncStream.makeStream(of: Void.self)
            let key = Array("room:tea".utf8)
            let tea = Task {
                try await chat.looks.people.value(for: key) {
                    for await _ in holdTea {}
                    return []
                }
            }
            try await eventually("somebody looks") { chat.looks.people.begun == begun.1 + 1 }
            let entering = people[1...].map { person in Task { try await person.emitWithAck("join", "tea")[0] } }
            try await eventually("all wait") { chat.looks.people.waiting(for: key) == 19 }
            releaseTea.finish()
            _ = try await tea.value
            // All had entered before anybody looked again.
            let names = (0..<20).map { "Person \($0)" }.sorted().map { TestValue.string($0) }
            for place in entering { #expect(try await place.value["people"] == .array(names)) }
            #expect(chat.looks.people.begun == begun.1 + 2)
        }
    }

    @Test("people meet in a room, talk, and those who come later see what was said")
    func talk() async throws {
        try await withChat { _, address in
            let ada = try await person("Ada", at: address)
            let place = try await ada.emitWithAck("join", "tea")[0]
            #expect(place["key"] == "room:tea" && place["people"] == ["Ada"] && place["history"] == [])
            let bob = try await person("Bob", at: address)
            _ = try await bob.emitWithAck("join", "tea")
            #expect(try await ada.next("joined").arguments[0] == ["room": "room:tea", "name": "Bob"])
            let receipt = try await bob.emitWithAck("message", "room:tea", "  hello ")[0]
            let heard = try await ada.next("message").arguments[0]
            #expect(heard["text"] == "hello" && heard["from"] == "Bob" && heard["id"] == receipt["id"])
            let cy = try await person("Cy", at: address)
            let late = try await cy.emitWithAck("join", "tea")[0]
            #expect(late["history"] == .array([heard]))
            #expect(late["people"] == ["Ada", "Bob", "Cy"])
            #expect(try await bob.emitWithAck("leave", "room:tea") == [true])
            #expect(try await ada.next("left").arguments[0]["name"] == "Bob")
            #expect(
                try await bob.emitWithAck("message", "room:tea", "x")[0]["error"]?["message"]
                    == "You are not in this room.")
        }
    }

    @Test("text is measured in bytes: at the limit, one over it, and one character of 900 kB")
    func textBytes() async throws {
        var limits = ChatLimits()
        limits.maxTextBytes = 100
        try await withChat(limits) { chat, address in
            let ada = try await person("Ada", at: address)
            _ = try await ada.emitWithAck("join", "tea")
            let longest = String(repeating: "é", count: 50)
            #expect(try await ada.emitWithAck("message", "room:tea", .string(longest))[0]["id"] != nil)
            let one = "e" + String(repeating: "\u{301}", count: 450_000)
            for text in [longest + "x", one] {
                let answer = try await ada.emitWithAck("message", "room:tea", .string(text))[0]
                #expect(answer["error"]?["message"] == "A message has at most 100 bytes.")
            }
            let empty = try await ada.emitWithAck("message", "room:tea", " \n ")[0]
            #expect(empty["error"]?["message"] == "A message must not be empty.")
            #expect(chat.history.messages(in: "room:tea").map(\.text) == [longest])
            // Changed while it runs.
            var wider = chat.limits
            wider.maxTextBytes = 101
            chat.limits = wider
            #expect(try await ada.emitWithAck("message", "room:tea", .string(longest + "x"))[0]["id"] != nil)
        }
    }

    @Test("a client that talks without end does not make the chat grow without end")
    func growth() async throws {
        var limits = ChatLimits()
        limits.historyMessages = 1000
        limits.historyRoomBytes = 50_000
        limits.historyRooms = 5
        limits.historyBytes = 100_000
        try await withChat(limits) { chat, address in
            let ada = try await person("Ada", at: address)
            let text = TestValue.string(String(repeating: "x", count: 5000))
            for room in 0..<20 {
                _ = try await ada.emitWithAck("join", "r\(room)")
                for _ in 0..<20 { try await ada.emit("message", "room:r\(room)", text) }
                _ = try await ada.emitWithAck("message", "room:r\(room)", "last")
                #expect(chat.history.size.bytes <= 100_000)
                #expect(chat.history.size.rooms <= 5)
                #expect(chat.history.messages(in: "room:r\(room)").last?.text == "last")
            }
            #expect(chat.history.messages(in: "room:r0").isEmpty)
        }
    }

    @Test("joining a room called like somebody's socket, or like a person's own room, brings nobody their messages")
    func foreignRooms() async throws {
        try await withChat { chat, address in
            let ada = try await person("Ada", at: address)
            let eve = try await person("Eve", at: address)
            for title in [ada.id, "person:ada", "person:Ada", "direct:ada\nbob"] {
                let place = try await eve.emitWithAck("join", .string(title))[0]
                if title.contains("\n") {
                    #expect(place["error"]?["message"] == "A room's name has 1 to 64 characters.")
                } else {
                    #expect(place["key"] == .string("room:" + title))
                }
            }
            // Nor does speaking in a room one is not in, whatever its name.
            for key in [
                ada.id, "person:ada", "room:elsewhere", "direct:ada\neve", String(repeating: "k", count: 900_000),
            ] {
                let answer = try await eve.emitWithAck("message", .string(key), "x")[0]
                #expect(answer["error"]?["message"] == "You are not in this room.")
                #expect(try await eve.emitWithAck("leave", .string(key)) == [true])
            }
            chat.io.to(ada.id).emit("secret", 1)
            chat.io.to("person:ada").emit("secret", 2)
            chat.io.emit("end")
            #expect(try await ada.next("secret").arguments == [1])
            #expect(try await ada.next("secret").arguments == [2])
            while case let event = try await eve.events.next(), event.name != "end" {
                #expect(event.name != "secret")
            }
        }
    }

    @Test("names: bounded in bytes, one person each, and the same tab may return")
    func names() async throws {
        try await withChat { _, address in
            let long = "e" + String(repeating: "\u{301}", count: 3000)
            for name in ["", "  ", String(repeating: "n", count: 33), long, "a\u{7}b"] {
                let message = await refusal { try await person(name, at: address) }
                #expect(message == "Choose a name of 1 to 32 characters.")
            }
            _ = try await person(String(repeating: "n", count: 32), at: address)
            _ = try await person("Ada", at: address, tab: "1")
            #expect(await refusal { try await person("aDA ", at: address, tab: "2") } == "The name aDA is taken.")
            #expect(await refusal { try await person("Ada", at: address) } == "The name Ada is taken.")
            _ = try await person("Ada", at: address, tab: "1")
            // A tab that is too long to be one is none.
            let tab = String(repeating: "t", count: 129)
            _ = try await person("Bob", at: address, tab: tab)
            #expect(await refusal { try await person("Bob", at: address, tab: tab) } == "The name Bob is taken.")
        }
    }

    @Test("conversations of two are for these two")
    func conversations() async throws {
        try await withChat { _, address in
            let ada = try await person("Ada", at: address)
            let bob = try await person("Bob", at: address)
            let eve = try await person("Eve", at: address)
            let place = try await ada.emitWithAck("direct", "bob")[0]
            #expect(place["room"] == "Bob" && place["people"] == ["Ada", "Bob"])
            let key = try #require(place["key"])
            #expect(try await bob.next("direct").arguments[0]["with"] == "Ada")
            _ = try await bob.emitWithAck("message", key, "hi")
            #expect(try await ada.next("message").arguments[0]["text"] == "hi")
            #expect(
                try await eve.emitWithAck("message", key, "x")[0]["error"]?["message"] == "You are not in this room.")
            #expect(try await ada.emitWithAck("direct", "nobody")[0]["error"]?["message"] == "nobody is not here.")
            #expect(
                try await ada.emitWithAck("direct", "ada")[0]["error"]?["message"] == "There is nobody of that name.")
        }
    }
}
