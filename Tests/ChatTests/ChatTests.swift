// Part of socketio-server, MIT licence; see LICENSE.

import MetricTesting
import NIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import Chat

@Suite("The chat")
struct ChatTests {
    private let lobby = "/socket/commu-lobby"
    private var general: TestValue { .string(RoomKey.channel(community: "lobby", id: ChatID.of("general")).text) }

    private func draft(_ id: String, _ text: String, reply: Double? = nil, file: String? = nil) -> TestValue {
        var members: [String: TestValue] = ["id": .string(id), "text": .string(text)]
        if let reply { members["reply"] = .number(reply) }
        if let file { members["file"] = .string(file) }
        return .object(members)
    }

    private func code(_ answer: [TestValue]) -> String? { answer.first?["error"]?["data"]?["code"]?.string }

    // MARK: The use cases the chat came from

    @Test("join and leave notices reach everyone who looks, each person once")
    func notices() async throws {
        try await ChatUnderTest.run { chat in
            let ada = try await chat.person("Ada")
            let room = try await ada.community(lobby)
            let crowd = try await room.emitWithAck("watch")[0]
            #expect(crowd["online"] == 1)
            let bob = try await chat.person("Bob")
            _ = try await bob.community(lobby)
            // Ada may hear of herself, before or in the same notice.
            var came: [TestValue] = []
            while !came.contains(where: { $0["name"] == "Bob" }) {
                let notice = try await room.next("people").arguments[0]
                #expect(notice["went"] == [], "\(notice)")
                if case .array(let people)? = notice["came"] { came += people }
            }
            #expect(came.count { $0["id"] == .string(bob.id) } == 1, "\(came)")
            // A second device of Bob's is nobody new; he is gone when both are.
            let again = try await chat.person("Bob", token: bob.token)
            let second = try await again.community(lobby)
            try await second.disconnect()
            await bob.client.close()
            let went = try await room.next("people").arguments[0]
            #expect(went["went"]?[0]?["id"] == .string(bob.id) && went["came"] == [], "\(went)")
        }
    }

    @Test("what is said in a channel reaches everyone in it, the sender too, and nobody else")
    func channel() async throws {
        try await ChatUnderTest.run { chat in
            let (ada, bob, eve) = (
                try await chat.person("Ada"), try await chat.person("Bob"), try await chat.person("Eve")
            )
            let rooms = (
                try await ada.community(lobby), try await bob.community(lobby), try await eve.community(lobby)
            )
            let opening = try await rooms.0.emitWithAck("join", "garden")[0]
            let key = try #require(opening["room"]?["key"], "\(opening)")
            _ = try await rooms.1.emitWithAck("join", key)
            let stored = try await rooms.0.emitWithAck("message", key, draft("m1", "  hello\nthere \n"))[0]
            #expect(stored["text"] == "hello\nthere" && stored["seq"] == 1 && stored["from"] == .string(ada.id))
            for socket in [rooms.0, rooms.1] { #expect(try await socket.next("message").arguments[0] == stored) }
            chat.io.of(lobby).emit("end")
            while case let event = try await rooms.2.events.next(), event.name != "end" {
                #expect(event.name != "message")
            }
        }
    }

    @Test("leaving disconnects the socket, and the rest sees it at once")
    func leaving() async throws {
        var limits = ChatUnderTest.limits
        limits.presenceGrace = .seconds(60)
        try await ChatUnderTest.run(limits) { chat in
            let (ada, bob) = (try await chat.person("Ada"), try await chat.person("Bob"))
            #expect(try await ada.home.emitWithAck("look", .array([.string(bob.id)]))[0][0]?["here"] == true)
            try await bob.home.emit("bye")
            // She may hear of his coming first.
            var sight = try await ada.home.next("sight").arguments[0]
            if sight["here"] == true { sight = try await ada.home.next("sight").arguments[0] }
            #expect(sight["here"] == false && sight["person"] == .string(bob.id))
            await #expect(throws: (any Error).self) { try await bob.home.next("never") }
        }
    }

    @Test("history on entering, page by page, and search")
    func history() async throws {
        try await ChatUnderTest.run { chat in
            let room = try await chat.person("Ada").community(lobby)
            for number in 1...320 {
                _ = try await chat.store.append(
                    ChatMessage(
                        room: general.string ?? "", seq: 0, id: "m\(number)", from: "x", name: "X",
                        text: "text \(number)", time: 1))
            }
            let opening = try await room.emitWithAck("open", general)[0]
            #expect(opening["messages"]?.count == 50 && opening["more"] == true && opening["last"] == 320)
            #expect(opening["messages"]?[0]?["seq"] == 271)
            let older = try await room.emitWithAck("history", general, 271)[0]
            #expect(older.count == 200 && older[0]?["seq"] == 71)
            #expect(try await room.emitWithAck("since", general, 318)[0].count == 2)
            #expect(try await room.emitWithAck("search", general, "TEXT 77")[0][0]?["seq"] == 77)
            #expect(try await room.emitWithAck("search", general, "x")[0] == [], "too short to look for")
        }
    }

    @Test("unread messages are counted for a person, on all devices, also while they are away")
    func unread() async throws {
        try await ChatUnderTest.run { chat in
            let ada = try await chat.person("Ada")
            let talking = try await ada.community(lobby)
            let bob = try await chat.person("Bob")
            _ = try await bob.community(lobby)
            await bob.client.close()
            for number in 1...3 { _ = try await talking.emitWithAck("message", general, draft("m\(number)", "hi")) }
            let phone = try await chat.person("Bob", token: bob.token)
            let desk = try await chat.person("Bob", token: bob.token)
            let (onPhone, atDesk) = (try await phone.community(lobby), try await desk.community(lobby))
            let place = try await onPhone.emitWithAck("enter")[0]["places"]?[0]
            #expect(place?["last"] == 3 && place?["read"] == 0)
            #expect(try await onPhone.emitWithAck("read", general, 2) == [true])
            #expect(try await atDesk.next("marker").arguments[0]["read"] == 2)
            #expect(try await atDesk.emitWithAck("enter")[0]["places"]?[0]?["read"] == 2)
        }
    }

    @Test("a token with each namespace: none without, none with somebody else's, one of several communities each")
    func tokens() async throws {
        try await ChatUnderTest.run { chat in
            let ada = try await chat.person("Ada")
            let made = try await ada.home.emitWithAck("create", "Book club")[0]
            let id = try #require(made["room"]?["key"]?.string?.dropFirst(2))
            let club = try await ada.community("/socket/commu-\(id)")
            _ = try await ada.community(lobby)
            #expect(try await club.emitWithAck("enter")[0]["role"] == "owner")
            // A channel of one community is not in the other.
            #expect(code(try await club.emitWithAck("open", general)) == "no-room")
            for token in [nil, "nonsense", "\(ada.id).forged"] {
                let client = try await SocketTestClient.connect(to: chat.address)
                await #expect(throws: RefusedNamespace.self) {
                    try await client.join(lobby, auth: token.map { ["person": .string($0)] } ?? [:])
                }
                await client.close()
            }
            let client = try await SocketTestClient.connect(to: chat.address)
            await #expect(throws: RefusedNamespace.self) {
                try await client.join("/socket/commu-nowhere", auth: ["person": .string(ada.token)])
            }
        }
    }

    // MARK: Conversations

    @Test("a conversation belongs to its two people: on all devices, also offline, and a third cannot enter or read it")
    func conversation() async throws {
        try await ChatUnderTest.run { chat in
            let (ada, bob, eve) = (
                try await chat.person("Ada"), try await chat.person("Bob"), try await chat.person("Eve")
            )
            let key = try #require(try await ada.home.emitWithAck("direct", .string(bob.id))[0]["room"]?["key"])
            #expect(try await bob.home.emitWithAck("direct", .string(ada.id))[0]["room"]?["key"] == key)
            let stored = try await ada.home.emitWithAck("message", key, draft("m1", "only for you"))[0]
            #expect(try await bob.home.next("message").arguments[0] == stored)
            // Bob reloads: he is there again without doing anything.
            await bob.client.close()
            _ = try await ada.home.emitWithAck("message", key, draft("m2", "while you were away"))
            let back = try await chat.person("Bob", token: bob.token)
            let place = try await back.home.emitWithAck("home")[0]["conversations"]?[0]
            #expect(place?["last"] == 2 && place?["read"] == 0 && place?["people"]?.count == 2)
            _ = try await ada.home.emitWithAck("message", key, draft("m3", "are you there?"))
            #expect(try await back.home.next("message").arguments[0]["seq"] == 3)
            for event in ["open", "message", "history", "read", "typing", "react", "edit", "delete", "search"] {
                let answer =
                    switch event {
                    case "message": try await eve.home.emitWithAck("message", key, draft("x", "x"))
                    case "history", "read", "delete": try await eve.home.emitWithAck(event, key, 1)
                    case "search": try await eve.home.emitWithAck(event, key, "only")
                    case "edit": try await eve.home.emitWithAck(event, key, 1, "x")
                    case "react": try await eve.home.emitWithAck(event, key, 1, "👍", true)
                    default: try await eve.home.emitWithAck(event, key)
                    }
                #expect(code(answer) == "no-room", "\(event)")
            }
            #expect(try await eve.home.emitWithAck("home")[0]["conversations"] == [])
            // Nor through a community.
            let room = try await eve.community(lobby)
            #expect(code(try await room.emitWithAck("open", key)) == "no-room")
            let channel = try await room.emitWithAck("join", key)[0]["room"]?["key"]?.string
            #expect(channel?.utf8.starts(with: "c:lobby:".utf8) != false, "at most a channel with that title")
            chat.io.emit("end")
            while case let event = try await eve.home.events.next(), event.name != "end" {
                #expect(event.name != "message" && event.name != "marker")
            }
        }
    }

    @Test("the next owner of a name gets none of the former owner's conversations")
    func namesakes() async throws {
        var limits = ChatUnderTest.limits
        limits.nameHold = .zero
        try await ChatUnderTest.run(limits) { chat in
            let (ada, bob) = (try await chat.person("Ada"), try await chat.person("Bob"))
            let key = try #require(try await ada.home.emitWithAck("direct", .string(bob.id))[0]["room"]?["key"])
            _ = try await ada.home.emitWithAck("message", key, draft("m1", "secret"))
            await bob.client.close()
            try await eventually("the name is free") { (try? await chat.person("Bob")) != nil }
            let thief = try await chat.person("bob")
            #expect(thief.id != bob.id)
            #expect(try await thief.home.emitWithAck("home")[0]["conversations"] == [])
            #expect(code(try await thief.home.emitWithAck("open", key)) == "no-room")
        }
    }

    @Test("a group of some, whom its maker has chosen; others cannot enter")
    func group() async throws {
        try await ChatUnderTest.run { chat in
            let (ada, bob, eve) = (
                try await chat.person("Ada"), try await chat.person("Bob"), try await chat.person("Eve")
            )
            let key = try #require(
                try await ada.home.emitWithAck("group", "Trip", .array([.string(bob.id)]))[0]["room"]?["key"])
            #expect(try await bob.home.next("added").arguments[0] == key)
            _ = try await bob.home.emitWithAck("message", key, draft("m1", "hi"))
            #expect(try await ada.home.next("message").arguments[0]["text"] == "hi")
            #expect(code(try await eve.home.emitWithAck("open", key)) == "no-room")
            #expect(code(try await eve.home.emitWithAck("group", "x", .array([.string("nobody")]))) == "no-person")
        }
    }

    @Test("whoever was added to a group may leave it, with all devices; the others hear of it")
    func leavingGroup() async throws {
        try await ChatUnderTest.run { chat in
            let (ada, bob, eve) = (
                try await chat.person("Ada"), try await chat.person("Bob"), try await chat.person("Eve")
            )
            let phone = try await chat.person("Bob", token: bob.token)
            let key = try #require(
                try await ada.home.emitWithAck("group", "Trip", [.string(bob.id)])[0]["room"]?["key"])
            #expect(code(try await eve.home.emitWithAck("leave", key)) == "no-room")
            #expect(try await bob.home.emitWithAck("leave", key) == [true])
            for home in [ada.home, bob.home, phone.home] {
                let departure = try await home.next("departed").arguments[0]
                #expect(departure["room"] == key && departure["person"] == .string(bob.id))
            }
            #expect(code(try await phone.home.emitWithAck("open", key)) == "no-room")
            #expect(try await phone.home.emitWithAck("home")[0]["conversations"] == [])
            #expect(try await ada.home.emitWithAck("open", key)[0]["people"]?.count == 1)
            _ = try await ada.home.emitWithAck("message", key, draft("m1", "is anybody there?"))
            chat.io.emit("end")
            while case let event = try await bob.home.events.next(), event.name != "end" {
                #expect(event.name != "message")
            }
            // The place in the list is free again.
            #expect(try await chat.store.placeCounts(of: bob.id).conversations == 0)
        }
    }

    @Test("a device that the server has no room for is refused, since it would hear nothing")
    func noRoomLeft() async throws {
        // The rooms of sockets themselves do not count: one room is the lobby, the others belong to people.
        try await ChatUnderTest.run(configure: { $0.maxRooms = 3 }) { chat in
            _ = try await chat.person("Ada")
            _ = try await chat.person("Bob")
            do {
                _ = try await chat.person("Eve")
                Issue.record("Eve came in")
            } catch let refusal as RefusedNamespace {
                #expect(refusal.reason["data"]?["code"] == "full", "\(refusal)")
            }
        }
    }

    @Test("people who stay connected are seen again, so that they keep their names")
    func seenAgain() async throws {
        try await ChatUnderTest.run { chat in
            let (ada, bob) = (try await chat.person("Ada"), try await chat.person("Bob"))
            await bob.client.close()
            try await eventually("Bob has left") { chat.chat.presence.connectedPeople.count == 1 }
            try await chat.store.seen([ada.id, bob.id], at: 5)
            await chat.chat.recordConnectedPeople()
            #expect(try await chat.store.person(ada.id)?.seen ?? 0 > 5)
            #expect(try await chat.store.person(bob.id)?.seen ?? 5 == 5)
        }
    }

    @Test("strangers who open conversations with somebody do not keep them out of others; one person opens so many")
    func strangers() async throws {
        var limits = ChatUnderTest.limits
        limits.maxPlaces = 2
        try await ChatUnderTest.run(limits) { chat in
            let bob = try await chat.person("Bob")
            var people: [TestPerson] = []
            for number in 0..<4 {
                people.append(try await chat.person("Stranger \(number)"))
                #expect(try await people[number].home.emitWithAck("direct", .string(bob.id))[0]["room"] != nil)
            }
            // What nobody has said anything in is not in the other's list.
            #expect(try await bob.home.emitWithAck("home")[0]["conversations"] == [])
            let eager = people[0]
            #expect(try await eager.home.emitWithAck("direct", .string(people[1].id))[0]["room"] != nil)
            #expect(code(try await eager.home.emitWithAck("direct", .string(people[2].id))) == "too-many")
            #expect(try await eager.home.emitWithAck("direct", .string(bob.id))[0]["room"] != nil, "again")
            #expect(try await people[3].home.emitWithAck("direct", .string(eager.id))[0]["room"] != nil)
        }
    }

    @Test("a stranger's groups do not keep somebody from beginning conversations, and are not without end")
    func groupsOfStrangers() async throws {
        var limits = ChatUnderTest.limits
        limits.maxPlaces = 2
        try await ChatUnderTest.run(limits) { chat in
            let (ada, bob) = (try await chat.person("Ada"), try await chat.person("Bob"))
            var answers: [String] = []
            for number in 0..<3 {
                let stranger = try await chat.person("Stranger \(number)")
                for _ in 0..<2 {
                    answers.append(
                        code(try await stranger.home.emitWithAck("group", "Tea", [.string(bob.id)])) ?? "made")
                }
            }
            #expect(answers == ["made", "made", "made", "made", "too-many", "too-many"])
            #expect(try await bob.home.emitWithAck("direct", .string(ada.id))[0]["room"] != nil)
            #expect(try await bob.home.emitWithAck("create", "My own")[0]["room"] != nil)
            #expect(code(try await bob.home.emitWithAck("create", "One more")) == "too-many")
            // He enters communities of others all the same.
            _ = try await bob.community(lobby)
        }
    }

    @Test("what is refused is counted, by the code that the client gets")
    func refusalsAreCounted() async throws {
        var limits = ChatUnderTest.limits
        limits.messagesPerMinute = 2
        try await CountedMetrics.counting { (metrics: CountedMetrics) async throws in
            try await ChatUnderTest.run(limits) { chat in
                func refused(_ code: String) -> Double? { metrics["socketio_chat_refused_total", [("code", code)]] }
                let ada = try await chat.person("Ada")
                let room = try await ada.community(lobby)
                let general = TestValue.string(RoomKey.channel(community: "lobby", id: ChatID.of("general")).text)
                #expect(code(try await room.emitWithAck("message", "nowhere", draft("m0", "x"))) == "no-room")
                let long = String(repeating: "x", count: limits.maxTextBytes + 1)
                #expect(code(try await room.emitWithAck("message", general, draft("m1", long))) == "too-long")
                #expect(refused("no-room") == 1 && refused("too-long") == 1 && refused("slow-down") == 0)
                for number in 2...6 { _ = try await room.emitWithAck("message", general, draft("m\(number)", "x")) }
                #expect((refused("slow-down") ?? 0) >= 3)
                await #expect(throws: (any Error).self) { try await chat.person("Ada") }
                await #expect(throws: (any Error).self) { try await ada.community("/socket/commu-nowhere") }
                #expect(refused("name-taken") == 1)
            }
        }
    }

    @Test("what people ask for is limited as well, and costs as much as it makes the server do")
    func questionsAreLimited() async throws {
        var limits = ChatUnderTest.limits
        limits.messagesPerMinute = 6
        for (event, isInCommunity, allowed) in [
            ("open", true, 60), ("history", true, 15), ("search", true, 3), ("typing", true, 12), ("watch", true, 6),
            ("home", false, 6), ("look", false, 12), ("rooms", false, 60), ("device", false, 12), ("leave", false, 12),
            ("leave", true, 12), ("download", true, 60), ("piece", true, 60),
        ] {
            try await ChatUnderTest.run(limits) { chat in
                let ada = try await chat.person("Ada")
                let socket = isInCommunity ? try await ada.community(lobby) : ada.home
                func ask() async throws -> [TestValue] {
                    switch event {
                    case "open", "typing": try await socket.emitWithAck(event, general)
                    case "history": try await socket.emitWithAck(event, general, 9)
                    case "search": try await socket.emitWithAck(event, general, "tea")
                    case "look": try await socket.emitWithAck(event, [.string(ada.id)])
                    case "leave": try await socket.emitWithAck(event, isInCommunity ? general : "room:tea")
                    case "download": try await socket.emitWithAck(event, general, "f", 0)
                    case "piece": try await socket.emitWithAck(event, "f", 0, .binary([1]))
                    default: try await socket.emitWithAck(event)
                    }
                }
                var count = 0
                while count < 100, code(try await ask()) != "slow-down" { count += 1 }
                // A slow machine gives one or the other back meanwhile.
                #expect((allowed...allowed + 4).contains(count), "\(event): \(count)")
            }
        }
    }

    @Test("a muted person cannot leave the mute behind, and a person who has left can be sent away")
    func leavingDoesNotHelp() async throws {
        try await ChatUnderTest.run { chat in
            let (ada, bob) = (try await chat.person("Ada"), try await chat.person("Bob"))
            let place = try await ada.home.emitWithAck("create", "Tea")[0]
            let id = try #require(place["room"]?["key"]?.string).dropFirst(2)
            let own = try await ada.community("/socket/commu-\(id)")
            let theirs = try await bob.community("/socket/commu-\(id)")
            #expect(try await own.emitWithAck("mute", .string(bob.id), 10) == [true])
            #expect(code(try await theirs.emitWithAck("quit")) == "muted")
            let tea = TestValue.string(RoomKey.channel(community: String(id), id: ChatID.of("general")).text)
            #expect(code(try await theirs.emitWithAck("typing", tea)) == "muted")
            #expect(try await own.emitWithAck("mute", .string(bob.id), 0) == [true])
            #expect(try await theirs.emitWithAck("quit") == [true])
            #expect(try await own.emitWithAck("kick", .string(bob.id)) == [true])
            _ = try await theirs.next("kicked")
            await #expect(throws: (any Error).self) { try await bob.community("/socket/commu-\(id)") }
            #expect(code(try await own.emitWithAck("kick", "nobody")) == "no-person")
            #expect(
                code(try await own.emitWithAck("mute", .string(bob.id), 10)) == "no-person", "it would lift the ban")
            await #expect(throws: (any Error).self) { try await bob.community("/socket/commu-\(id)") }
        }
    }

    @Test("a plain client is in 64 rooms at most, and looks at 200 people")
    func roomsOfOneClient() async throws {
        try await ChatUnderTest.run { chat in
            let ada = try await chat.person("Ada")
            for number in 0..<64 {
                #expect(try await ada.home.emitWithAck("join", "room \(number)")[0]["key"] != nil)
            }
            #expect(code(try await ada.home.emitWithAck("join", "room 64")) == "too-many")
            #expect(try await ada.home.emitWithAck("join", "room 0")[0]["key"] != nil)
            for start in stride(from: 0, to: 500, by: 50) {
                let people = (start..<start + 50).map { TestValue.string("person\($0)") }
                #expect(try await ada.home.emitWithAck("look", .array(people))[0].count == 50)
            }
            let socket = try #require(await chat.io.sockets.sockets().first)
            #expect(socket.rooms.count { $0.hasPrefix("look:") } == 200)
        }
    }

    @Test("numbers that no message has are no fault")
    func oddNumbers() async throws {
        try await ChatUnderTest.run { chat in
            let ada = try await chat.person("Ada")
            let room = try await ada.community(lobby)
            let general = RoomKey.channel(community: "lobby", id: ChatID.of("general")).text
            _ = try await room.emitWithAck("message", .string(general), draft("m1", "one"))
            for number in [-0x1p63, -1, 0, 2, 0x1p53 - 1, 0x1p53, 0x1p63 - 1_024] {
                let isBelow = number <= 0
                let (key, seq) = (TestValue.string(general), TestValue.number(number))
                #expect(try await room.emitWithAck("history", key, seq)[0].count == (isBelow ? 0 : 1), "\(number)")
                #expect(try await room.emitWithAck("since", key, seq)[0].count == (isBelow ? 1 : 0), "\(number)")
                #expect(code(try await room.emitWithAck("edit", key, seq, "x")) == "no-message", "\(number)")
                #expect(code(try await room.emitWithAck("delete", key, seq)) == "no-message", "\(number)")
                #expect(code(try await room.emitWithAck("react", key, seq, "👍", true)) == "no-message", "\(number)")
                #expect(code(try await room.emitWithAck("report", key, seq, "x")) == "no-message", "\(number)")
                #expect(try await room.emitWithAck("read", key, seq)[0] == true, "\(number)")
                #expect(try await room.emitWithAck("received", key, seq)[0] == true, "\(number)")
            }
        }
    }

    @Test("plain clients talk in rooms that are not kept, and get into nothing else through them")
    func plain() async throws {
        try await ChatUnderTest.run { chat in
            let (ada, eve) = (try await chat.person("Ada"), try await chat.person("Eve"))
            let place = try await ada.home.emitWithAck("join", "tea")[0]
            #expect(place == ["key": "room:tea", "room": "tea", "people": ["Ada"]])
            #expect(try await eve.home.emitWithAck("join", "tea")[0]["people"] == ["Ada", "Eve"])
            _ = try await eve.home.emitWithAck("message", "room:tea", " hello ")
            let heard = try await ada.home.next("message").arguments[0]
            #expect(heard["text"] == "hello" && heard["from"] == "Eve" && heard["room"] == "room:tea")
            #expect(try await ada.home.emitWithAck("rooms")[0] == [["name": "tea", "people": 2]])
            for title in [ada.home.id, "person:\(ada.id)", "look:\(ada.id)"] {
                #expect(try await eve.home.emitWithAck("join", .string(title))[0]["key"] == .string("room:" + title))
                #expect(code(try await eve.home.emitWithAck("message", .string(title), "x")) == "no-room")
                #expect(try await eve.home.emitWithAck("leave", .string(title)) == [true])
            }
            #expect(code(try await eve.home.emitWithAck("message", "room:elsewhere", "x")) == "no-room")
            chat.io.to("person:\(ada.id)").emit("secret", 1)
            chat.io.emit("end")
            #expect(try await ada.home.next("secret").arguments == [1])
            while case let event = try await eve.home.events.next(), event.name != "end" {
                #expect(event.name != "secret")
            }
        }
    }

    @Test("sent, delivered and read are told to the other")
    func markers() async throws {
        try await ChatUnderTest.run { chat in
            let (ada, bob) = (try await chat.person("Ada"), try await chat.person("Bob"))
            let key = try #require(try await ada.home.emitWithAck("direct", .string(bob.id))[0]["room"]?["key"])
            _ = try await ada.home.emitWithAck("message", key, draft("m1", "hi"))
            _ = try await bob.home.emitWithAck("received", key, 1)
            let delivered = try await ada.home.next("marker").arguments[0]
            #expect(delivered["delivered"] == 1 && delivered["read"] == 0 && delivered["person"] == .string(bob.id))
            _ = try await bob.home.emitWithAck("read", key, 1)
            #expect(try await ada.home.next("marker").arguments[0]["read"] == 1)
            _ = try await bob.home.emitWithAck("typing", key)
            #expect(try await ada.home.next("typing").arguments[0]["name"] == "Bob")
        }
    }

    // MARK: Messages

    @Test("a repeated message is stored and counted once, and everyone has the same order")
    func retry() async throws {
        try await ChatUnderTest.run { chat in
            let room = try await chat.person("Ada").community(lobby)
            let first = try await room.emitWithAck("message", general, draft("m1", "once"))
            #expect(try await room.emitWithAck("message", general, draft("m1", "once")) == first)
            #expect(try await room.emitWithAck("message", general, draft("m2", "two"))[0]["seq"] == 2)
            #expect(try await room.emitWithAck("open", general)[0]["messages"]?.count == 2)
        }
    }

    @Test("text is measured in bytes: at the limit, one over it, and one character of 900 kB")
    func textBytes() async throws {
        var limits = ChatUnderTest.limits
        limits.maxTextBytes = 100
        try await ChatUnderTest.run(limits) { chat in
            let room = try await chat.person("Ada").community(lobby)
            let longest = String(repeating: "é", count: 50)
            #expect(try await room.emitWithAck("message", general, draft("m1", longest))[0]["seq"] == 1)
            let one = "e" + String(repeating: "\u{301}", count: 450_000)
            for text in [longest + "x", one] {
                #expect(code(try await room.emitWithAck("message", general, draft("m2", text))) == "too-long")
            }
            #expect(code(try await room.emitWithAck("message", general, draft("m2", " \n\u{7} "))) == "empty")
            #expect(code(try await room.emitWithAck("message", general, draft("not an id", "x"))) == "bad-id")
            // Changed while it runs.
            chat.chat.limits.maxTextBytes = 101
            #expect(try await room.emitWithAck("message", general, draft("m2", longest + "x"))[0]["seq"] == 2)
        }
    }

    @Test("authors edit and delete, others react and reply, and nobody else changes anything")
    func changes() async throws {
        try await ChatUnderTest.run { chat in
            let (ada, bob) = (
                try await chat.person("Ada").community(lobby), try await chat.person("Bob").community(lobby)
            )
            _ = try await ada.emitWithAck("message", general, draft("m1", "helo"))
            #expect(try await ada.emitWithAck("edit", general, 1, "hello")[0]["text"] == "hello")
            #expect(try await bob.next("changed").arguments[0]["rev"] == 1)
            #expect(code(try await bob.emitWithAck("edit", general, 1, "x")) == "not-yours")
            #expect(code(try await bob.emitWithAck("delete", general, 1)) == "not-yours")
            let liked = try await bob.emitWithAck("react", general, 1, "👍", true)[0]
            #expect(liked["reactions"]?[0]?["people"]?.count == 1)
            #expect(try await bob.emitWithAck("react", general, 1, "👍", false)[0]["reactions"] == nil)
            for emoji in ["", "x", "👍👍", String(repeating: "👍", count: 100)] {
                #expect(code(try await bob.emitWithAck("react", general, 1, .string(emoji), true)) == "no-emoji")
            }
            let reply = try await bob.emitWithAck("message", general, draft("m2", "hi", reply: 1))[0]
            #expect(reply["reply"]?["text"] == "hello" && reply["reply"]?["name"] == "Ada")
            let deleted = try await ada.emitWithAck("delete", general, 1)[0]
            #expect(deleted["text"] == "" && deleted["deleted"] == true)
            #expect(code(try await ada.emitWithAck("edit", general, 1, "again")) == "not-yours")
            #expect(code(try await ada.emitWithAck("edit", general, 99, "x")) == "no-message")
        }
    }

    @Test("files go in pieces, are gone on with, and reach the room's people only")
    func files() async throws {
        var limits = ChatUnderTest.limits
        limits.maxFileBytes = 100_000
        try await ChatUnderTest.run(limits) { chat in
            let (ada, bob, eve) = (
                try await chat.person("Ada"), try await chat.person("Bob"), try await chat.person("Eve")
            )
            let key = try #require(try await ada.home.emitWithAck("direct", .string(bob.id))[0]["room"]?["key"])
            let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
            func about(_ size: Int) -> TestValue {
                ["id": "f1", "name": "../../a\u{202E}.png", "type": "image/png", "size": .number(Double(size))]
            }
            #expect(code(try await ada.home.emitWithAck("upload", about(100_001))) == "file-size")
            #expect(code(try await ada.home.emitWithAck("upload", about(0))) == "file-size")
            #expect(try await ada.home.emitWithAck("upload", about(100_000)) == [0])
            #expect(try await ada.home.emitWithAck("piece", "f1", 0, .binary(Array(bytes[..<65_536]))) == [65_536])
            #expect(code(try await ada.home.emitWithAck("message", key, draft("m1", "", file: "f1"))) == "no-file")
            #expect(code(try await eve.home.emitWithAck("piece", "f1", 65_536, .binary([1]))) == "not-yours")
            #expect(try await ada.home.emitWithAck("upload", about(100_000)) == [65_536], "to go on with")
            #expect(
                try await ada.home.emitWithAck("piece", "f1", 65_536, .binary(Array(bytes[65_536...]))) == [100_000])
            let message = try await ada.home.emitWithAck("message", key, draft("m1", "", file: "f1"))[0]
            #expect(message["file"]?["name"] == "file", "a name that turns around is none")
            let file = try #require(message["file"]?["id"])
            let first = try await bob.home.emitWithAck("download", key, file, 0)[0]
            let second = try await bob.home.emitWithAck("download", key, file, 65_536)[0]
            #expect(first == .binary(Array(bytes[..<65_536])) && second == .binary(Array(bytes[65_536...])))
            #expect(code(try await eve.home.emitWithAck("download", key, file, 0)) == "no-room")
            let own = try #require(try await eve.home.emitWithAck("direct", .string(bob.id))[0]["room"]?["key"])
            #expect(code(try await eve.home.emitWithAck("download", own, file, 0)) == "no-file")
            // Nobody can put another file in the place of this one, by the id that everybody sees.
            let ofBob: TestValue = ["id": file, "name": "b", "type": "image/png", "size": 100_000]
            #expect(try await bob.home.emitWithAck("upload", ofBob) == [0])
            #expect(try await bob.home.emitWithAck("piece", file, 0, .binary([1])) == [1])
            #expect(try await ada.home.emitWithAck("download", key, file, 0)[0] == first)
        }
    }

    // MARK: Order

    @Test("people who write too fast are told how long to wait")
    func rates() async throws {
        var limits = ChatUnderTest.limits
        limits.messagesPerMinute = 60
        try await ChatUnderTest.run(limits) { chat in
            let room = try await chat.person("Ada").community(lobby)
            var answers: [TestValue] = []
            for number in 0..<40 { answers += try await room.emitWithAck("message", general, draft("m\(number)", "x")) }
            let refused = try #require(answers.first { $0["error"] != nil })
            #expect(refused["error"]?["data"]?["code"] == "slow-down")
            guard case .number(let wait)? = refused["error"]?["data"]?["retryAfterMs"] else {
                Issue.record("no time to wait")
                return
            }
            #expect((1...1000).contains(wait))
            #expect(answers.count { $0["error"] == nil } >= 30)
        }
    }

    @Test("the owner of a community mutes and removes people; others cannot")
    func moderation() async throws {
        try await ChatUnderTest.run { chat in
            let (ada, bob) = (try await chat.person("Ada"), try await chat.person("Bob"))
            let made = try await ada.home.emitWithAck("create", "Club")[0]
            let id = try #require(made["room"]?["key"]?.string?.dropFirst(2))
            let (owner, guest) = (
                try await ada.community("/socket/commu-\(id)"), try await bob.community("/socket/commu-\(id)")
            )
            let key = try #require(try await owner.emitWithAck("enter")[0]["places"]?[0]?["room"]?["key"])
            #expect(try await guest.emitWithAck("message", key, draft("m1", "x"))[0]["seq"] == 1)
            #expect(code(try await guest.emitWithAck("kick", .string(ada.id))) == "not-yours")
            _ = try await owner.emitWithAck("mute", .string(bob.id), 10)
            #expect(try await guest.next("muted").arguments.count == 1)
            #expect(code(try await guest.emitWithAck("message", key, draft("m2", "x"))) == "muted")
            #expect(try await owner.emitWithAck("delete", key, 1)[0]["deleted"] == true)
            _ = try await owner.emitWithAck("kick", .string(bob.id))
            _ = try await guest.next("kicked")
            await #expect(throws: RefusedNamespace.self) { try await bob.community("/socket/commu-\(id)") }
            _ = try await owner.emitWithAck("pardon", .string(bob.id))
            _ = try await bob.community("/socket/commu-\(id)")
        }
    }

    @Test("names: taken while their person is known, and the same browser returns as the same person")
    func names() async throws {
        try await ChatUnderTest.run { chat in
            let ada = try await chat.person("Ada")
            _ = try await ada.community(lobby)
            for name in ["aDA ", "\u{410}\u{434}\u{430}".replacing("\u{434}", with: "d")] {
                await #expect(throws: RefusedNamespace.self) { try await chat.person(name) }
            }
            await ada.client.close()
            await #expect(throws: RefusedNamespace.self) { try await chat.person("Ada") }
            let again = try await chat.person(nil, token: ada.token)
            #expect(again.id == ada.id)
            let code = try await again.home.emitWithAck("device")[0]
            let client = try await SocketTestClient.connect(to: chat.address)
            let phone = try await client.join(auth: ["device": code])
            #expect(try await phone.next("you").arguments[0]["id"] == .string(ada.id))
        }
    }

    @Test("a client that says things of the wrong kind gets an error, and the others nothing")
    func nonsense() async throws {
        try await ChatUnderTest.run { chat in
            let ada = try await chat.person("Ada")
            let room = try await ada.community(lobby)
            let long = TestValue.string(String(repeating: "k", count: 900_000))
            for key in [long, "", "person:\(ada.id)", .string(ada.home.id), "channel:\(general.string ?? "")"] {
                #expect(code(try await room.emitWithAck("open", key)) == "no-room")
                #expect(code(try await room.emitWithAck("message", key, draft("m", "x"))) == "no-room")
                #expect(code(try await ada.home.emitWithAck("open", key)) == "no-room")
            }
            #expect(code(try await room.emitWithAck("join", long)) == "bad-title")
            #expect(code(try await ada.home.emitWithAck("direct", long)) == "no-person")
            #expect(code(try await ada.home.emitWithAck("direct", .string(ada.id))) == "no-person")
        }
    }
}
