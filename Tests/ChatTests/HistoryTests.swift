// Part of socketio-server, MIT licence; see LICENSE.

import Testing

@testable import Chat

@Suite("What the chat keeps")
struct HistoryTests {
    private func message(_ number: Int, in room: String = "room:a", text: String = "x", at time: Int64? = nil)
        -> ChatMessage
    {
        ChatMessage(id: "id\(number)", room: room, from: "Ada", text: text, time: time ?? Int64(number))
    }

    private func limits(_ change: (inout ChatLimits) -> Void) -> ChatLimits {
        var limits = ChatLimits()
        change(&limits)
        return limits
    }

    private func ids(_ history: ChatHistory, _ room: String = "room:a") -> [String] {
        history.messages(in: room).map(\.id)
    }

    @Test("messages stand in the order of their times, each once")
    func order() {
        let history = ChatHistory()
        for number in [3, 1, 2, 3, 1] { history.add(message(number)) }
        #expect(ids(history) == ["id1", "id2", "id3"])
        #expect(ids(history, "room:b").isEmpty)
        let sizes = history.messages(in: "room:a").map(ChatHistory.size).reduce(0, +)
        #expect(history.size.bytes == sizes)
    }

    @Test("messages of a room: at the limit and one over it")
    func messagesPerRoom() {
        let history = ChatHistory(limits { $0.historyMessages = 3 })
        for number in 1...3 { history.add(message(number)) }
        #expect(ids(history) == ["id1", "id2", "id3"])
        history.add(message(4))
        #expect(ids(history) == ["id2", "id3", "id4"])
        // Older than all that are kept.
        history.add(message(1))
        #expect(ids(history) == ["id2", "id3", "id4"])
    }

    @Test("bytes of a room: at the limit and one over it, the oldest go first")
    func bytesPerRoom() {
        let size = ChatHistory.size(of: message(1))
        let history = ChatHistory(limits { $0.historyRoomBytes = 3 * size })
        for number in 1...3 { history.add(message(number)) }
        #expect(history.size.bytes == 3 * size)
        #expect(ids(history).count == 3)
        history.add(message(4, text: "xy"))
        #expect(ids(history) == ["id3", "id4"])
        #expect(history.size.bytes == 2 * size + 1)
        // It alone would be too much: passed on, not kept, and nothing goes for it.
        history.add(message(5, text: String(repeating: "x", count: 2 * size + 2)))
        #expect(ids(history) == ["id3", "id4"])
    }

    @Test("rooms: at the limit and one over it, the one least recently spoken in goes")
    func rooms() {
        let history = ChatHistory(limits { $0.historyRooms = 2 })
        history.add(message(1, in: "room:a"))
        history.add(message(2, in: "room:b"))
        history.add(message(3, in: "room:a"))
        #expect(history.size.rooms == 2)
        history.add(message(4, in: "room:c"))
        #expect(ids(history, "room:b").isEmpty)
        #expect(ids(history, "room:a") == ["id1", "id3"])
        #expect(ids(history, "room:c") == ["id4"])
        #expect(history.size.rooms == 2)
    }

    @Test("bytes of all rooms: at the limit and one over it, the oldest of the room least recently spoken in go")
    func bytes() {
        let size = ChatHistory.size(of: message(1))
        let history = ChatHistory(limits { $0.historyBytes = 4 * size })
        history.add(message(1, in: "room:a"))
        history.add(message(2, in: "room:a"))
        history.add(message(3, in: "room:b"))
        history.add(message(4, in: "room:b"))
        #expect(history.size.bytes == 4 * size)
        history.add(message(5, in: "room:c", text: "xy"))
        #expect(ids(history, "room:a").isEmpty, "one byte too many for the first alone")
        #expect(ids(history, "room:b") == ["id3", "id4"])
        history.add(message(6, in: "room:b"))
        #expect(ids(history, "room:b") == ["id3", "id4", "id6"])
        #expect(ids(history, "room:c").isEmpty, "spoken in before room:b was")
        #expect(history.size.bytes == 3 * size)
    }

    @Test("a flood of long messages in many rooms stays within the bounds, and so does what is kept of their order")
    func flood() {
        let history = ChatHistory(
            limits {
                $0.historyMessages = 50
                $0.historyRooms = 100
                $0.historyRoomBytes = 20_000
                $0.historyBytes = 200_000
            })
        let text = String(repeating: "x", count: 4000)
        for number in 0..<20_000 {
            history.add(message(number, in: "room:\(number % 150)", text: text))
            guard number % 500 == 0 else { continue }
            let size = history.size
            #expect(size.bytes <= 200_000 && size.rooms <= 100)
            #expect(history.orderEntries <= 2 * size.rooms + 64)
        }
        // What is there is the newest.
        #expect(ids(history, "room:\(19_999 % 150)").last == "id19999")
        #expect(history.size.bytes > 200_000 - 5000)
    }

    @Test("text is measured in bytes: one character of a megabyte is not one")
    func bytesNotCharacters() {
        let history = ChatHistory(limits { $0.historyRoomBytes = 1 << 30 })
        let text = "e" + String(repeating: "\u{301}", count: 450_000)
        #expect(text.count == 1)
        history.add(message(1, text: text))
        #expect(history.size.bytes == 0)
        history.add(message(2, text: String(repeating: "x", count: ChatLimits().maxTextBytes)))
        #expect(ids(history) == ["id2"])
        history.add(message(3, text: String(repeating: "x", count: ChatLimits().maxTextBytes + 1)))
        #expect(ids(history) == ["id2"])
    }

    @Test("names that another server sends are bounded as well")
    func names() {
        let history = ChatHistory()
        let long = String(repeating: "x", count: 513)
        var strange = message(1)
        strange.id = long
        history.add(strange)
        strange = message(1)
        strange.from = long
        history.add(strange)
        history.add(message(1, in: long))
        #expect(history.size.rooms == 0)
        history.add(message(1, in: String(long.dropLast())))
        #expect(history.size.rooms == 1)
    }

    @Test("lower limits take effect at once")
    func change() {
        let history = ChatHistory()
        for number in 0..<40 { history.add(message(number, in: "room:\(number % 4)")) }
        #expect(history.size.rooms == 4)
        history.limits = limits { $0.historyMessages = 2 }
        #expect((0..<4).map { ids(history, "room:\($0)").count } == [2, 2, 2, 2])
        history.limits = limits { $0.historyRooms = 1 }
        #expect(ids(history, "room:3") == ["id35", "id39"])
        #expect(history.size.rooms == 1)
        history.limits = limits { $0.historyBytes = 0 }
        #expect(history.size == (0, 0))
        history.limits = limits { $0.historyMessages = 0 }
        history.add(message(100))
        #expect(history.size == (0, 0))
    }

    @Test("other servers are asked about a room once, and what is remembered of that is bounded")
    func asked() {
        let history = ChatHistory(limits { $0.historyRooms = 2 })
        #expect(history.shouldAsk(about: "room:a"))
        #expect(!history.shouldAsk(about: "room:a"))
        #expect(history.shouldAsk(about: "room:b"))
        #expect(history.shouldAsk(about: "room:c"))
        #expect(history.shouldAsk(about: "room:a"), "forgotten to make room")
        history.forgetAsked()
        #expect(history.shouldAsk(about: "room:a"))
    }
}
