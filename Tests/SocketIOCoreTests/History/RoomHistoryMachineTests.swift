// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import SocketIOCore
import Testing

private let epoch = BootID("abc123") ?? .any
private let other = BootID("xyz789") ?? .any

extension BootID {
    fileprivate static var any: BootID {
        var rng = SystemRandomNumberGenerator()
        return BootID(using: &rng)
    }
}

private func content(_ text: String = "x") -> EventToKeep {
    EventToKeep(event: "e", data: EncodedArguments(json: ByteBuffer(string: "[\"e\",\"\(text)\"]"), attachments: []))
}

private func at(_ number: UInt64, _ epoch: BootID = epoch) -> RoomPosition {
    RoomPosition(epoch: epoch, number: number)
}

@Suite("Positions in a room's history")
struct RoomPositionTests {
    @Test("A position survives its text", arguments: [0, 1, 17, RoomPosition.maximumNumber])
    func roundTrip(number: UInt64) throws {
        let position = at(number)
        #expect(position.description == "abc123-\(number)")
        #expect(RoomPosition(position.description) == position)
    }

    @Test(
        "Texts of another form are no positions",
        arguments: [
            "", "-", "abc123", "abc123-", "-1", "abc12-1", "abc1234-1", "abc123-+1", "abc123--1", "abc123-01",
            "abc123-1 ",
            "abc123-9007199254740992", "abc123-99999999999999999999999999", "ab!123-1", "abc123-1-1", "abc123-\u{0661}",
            String(repeating: "e\u{301}", count: 5_000),
        ])
    func malformed(text: String) { #expect(RoomPosition(text) == nil) }

    @Test("The position is the last argument")
    func argument() {
        let data = content().data(at: at(17))
        #expect(String(buffer: data.json) == #"["e","x","abc123-17"]"#)
        let bare = EventToKeep(
            event: "e", data: EncodedArguments(json: ByteBuffer(string: #"["e"]"#), attachments: []))
        #expect(String(buffer: bare.data(at: at(1)).json) == #"["e","abc123-1"]"#)
    }
}

@Suite("The history of one room in memory")
struct RoomEventLogTests {
    private let limits = RoomHistoryLimits(maxEvents: 5, maxBytes: 1 << 20, maxAge: .seconds(10))

    private func numbers(_ page: RoomPage) -> [UInt64] { page.events.map(\.number) }

    @Test("Pages in both directions, limited by number and bytes")
    func pages() {
        var log = RoomEventLog(epoch: epoch)
        for _ in 1...7 { _ = log.append(content(), now: 0, limits) }
        let all = log.page(.after(0), count: 100, bytes: 1 << 20)
        #expect(numbers(all) == [3, 4, 5, 6, 7])
        #expect(all.first == 3 && all.last == 7 && all.epoch == epoch)
        #expect(numbers(log.page(.after(4), count: 2, bytes: 1 << 20)) == [5, 6])
        #expect(numbers(log.page(.after(7), count: 2, bytes: 1 << 20)).isEmpty)
        #expect(numbers(log.page(.after(.max), count: 2, bytes: 1 << 20)).isEmpty)
        #expect(numbers(log.page(.before(5), count: 2, bytes: 1 << 20)) == [3, 4])
        #expect(numbers(log.page(.before(3), count: 2, bytes: 1 << 20)).isEmpty)
        #expect(numbers(log.page(.before(.max), count: 2, bytes: 1 << 20)) == [6, 7])
        #expect(numbers(log.page(.newest, count: 3, bytes: 1 << 20)) == [5, 6, 7])
        // One event at least.
        #expect(numbers(log.page(.newest, count: 3, bytes: 1)) == [7])
        #expect(numbers(log.page(.after(0), count: 3, bytes: 1)) == [3])
    }

    @Test("One event, one byte and one millisecond over the limits")
    func limitsOfARoom() {
        var log = RoomEventLog(epoch: epoch)
        for _ in 1...5 { _ = log.append(content(), now: 0, limits) }
        #expect(log.count == 5)
        _ = log.append(content(), now: 0, limits)
        #expect(log.count == 5 && log.last == 6)

        let size = content().bytes
        let bytes = RoomHistoryLimits(maxEvents: 100, maxBytes: 3 * size, maxAge: .seconds(10))
        log = RoomEventLog(epoch: epoch)
        for _ in 1...3 { _ = log.append(content(), now: 0, bytes) }
        #expect(log.count == 3)
        _ = log.append(content("xy"), now: 0, bytes)
        #expect(log.count == 2)

        log = RoomEventLog(epoch: epoch)
        _ = log.append(content(), now: 0, limits)
        log.trim(now: 10_000, limits)
        #expect(log.count == 1)
        log.trim(now: 10_001, limits)
        #expect(log.count == 0 && log.bytes == 0)
        // The numbers go on.
        let page = log.page(.after(0), count: 1, bytes: 1)
        #expect(page.first == 2 && page.last == 1)
        #expect(log.append(content(), now: 20_000, limits) == 2)
    }

    @Test("A clock that goes back does not keep events for longer")
    func clock() {
        var log = RoomEventLog(epoch: epoch)
        _ = log.append(content(), now: 50_000, limits)
        _ = log.append(content(), now: 0, limits)
        log.trim(now: 60_001, limits)
        #expect(log.count == 0)
    }
}

@Suite("The order in which a room's events are delivered")
struct RoomFeedTests {
    private func page(_ numbers: [UInt64], first: UInt64 = 1, last: UInt64, _ epoch: BootID = epoch) -> RoomPage {
        var page = RoomPage()
        (page.epoch, page.first, page.last) = (epoch, first, last)
        page.events = numbers.map { KeptEvent(number: $0, time: 0, content: content()) }
        return page
    }

    private func make(_ epoch: BootID, _ event: KeptEvent) -> UInt64 { event.number }

    @Test("The first event begins the feed, later ones follow, repeated ones are dropped")
    func order() {
        var feed = RoomFeed<UInt64>()
        #expect(feed.received(5, at: at(5)).deliver == [5])
        #expect(feed.received(6, at: at(6)).deliver == [6])
        #expect(feed.received(6, at: at(6)).deliver.isEmpty)
        #expect(feed.received(4, at: at(4)).deliver.isEmpty)
    }

    @Test("An event that comes too early waits until the missing ones have been read")
    func gap() {
        var feed = RoomFeed<UInt64>()
        _ = feed.received(1, at: at(1))
        let early = feed.received(4, at: at(4))
        #expect(early.deliver.isEmpty && early.read == 1)
        // One read at a time.
        #expect(feed.received(5, at: at(5)).read == nil)
        let read = feed.read(page([2, 3], last: 3), make)
        #expect(read.deliver == [2, 3, 4, 5] && read.read == nil && read.missed == 0)
        // What the read has delivered may come now.
        #expect(feed.received(3, at: at(3)).deliver.isEmpty)
        #expect(feed.received(6, at: at(6)).deliver == [6])
    }

    @Test("The missing event itself ends the wait, too")
    func overtaking() {
        var feed = RoomFeed<UInt64>()
        _ = feed.received(1, at: at(1))
        #expect(feed.received(3, at: at(3)).read == 1)
        #expect(feed.received(2, at: at(2)).deliver == [2, 3])
        #expect(feed.read(page([2, 3], last: 3), make).deliver.isEmpty)
    }

    @Test("Events that the history has dropped are counted, and the others delivered")
    func missed() {
        var feed = RoomFeed<UInt64>()
        _ = feed.received(1, at: at(1))
        _ = feed.received(9, at: at(9))
        let read = feed.read(page([7, 8, 9], first: 7, last: 9), make)
        #expect(read.deliver == [7, 8, 9] && read.missed == 5)
        // All are gone.
        _ = feed.received(20, at: at(20))
        let empty = feed.read(page([], first: 21, last: 20), make)
        #expect(empty.deliver.isEmpty && empty.missed == 11 && empty.read == nil)
        #expect(feed.received(21, at: at(21)).deliver == [21])
    }

    @Test("A long gap is read page by page, and not all later events wait")
    func pages() {
        var feed = RoomFeed<UInt64>()
        _ = feed.received(1, at: at(1))
        for number in 100...(100 + UInt64(2 * RoomFeed<UInt64>.maximumWaiting)) {
            _ = feed.received(number, at: at(number))
        }
        let last = 100 + UInt64(2 * RoomFeed<UInt64>.maximumWaiting)
        var delivered: [UInt64] = [1]
        var next: UInt64? = 1
        while let after = next {
            let end = min(after + 20, last)
            let action = feed.read(page(Array((after + 1)...end), last: last), make)
            delivered += action.deliver
            next = action.read
        }
        #expect(delivered == Array(1...last))
    }

    @Test("After a lost connection the history is read; a failed read can be repeated")
    func resumed() {
        var feed = RoomFeed<UInt64>()
        #expect(feed.resumed().read == nil)
        _ = feed.received(1, at: at(1))
        #expect(feed.resumed().read == 1)
        #expect(feed.resumed().read == nil)
        feed.readFailed()
        #expect(feed.resumed().read == 1)
        #expect(feed.read(page([2, 3], last: 3), make).deliver == [2, 3])
    }

    @Test("A new history begins at its first event; a page of the old one is not used")
    func newEpoch() {
        var feed = RoomFeed<UInt64>()
        _ = feed.received(7, at: at(7))
        _ = feed.received(9, at: at(9))
        #expect(feed.received(1, at: at(1, other)).deliver == [1])
        let old = feed.read(page([8, 9], last: 9), make)
        #expect(old.deliver.isEmpty && old.read == 1)
        #expect(feed.read(page([], last: 1, other), make).deliver.isEmpty)
        #expect(feed.received(2, at: at(2, other)).deliver == [2])
        // Or the history tells it.
        #expect(feed.received(4, at: at(4, other)).read == 2)
        #expect(feed.read(page([3], last: 3, epoch), make).read == 0)
        #expect(feed.read(page([1, 2, 3], last: 3, epoch), make).deliver == [1, 2, 3])
    }

    @Test("A history that has lost its newest events ends no wait for ever")
    func lostEvents() {
        var feed = RoomFeed<UInt64>()
        _ = feed.received(90, at: at(90))
        #expect(feed.received(100, at: at(100)).read == 90)
        // Kept after the read has begun: the answer need not have it.
        #expect(feed.received(103, at: at(103)).deliver.isEmpty)
        let action = feed.read(page([], last: 90), make)
        #expect(action.deliver == [100] && action.missed == 9 && action.read == 100)
        let next = feed.read(page([], last: 90), make)
        #expect(next.deliver == [103] && next.missed == 2 && next.read == nil)
        #expect(feed.received(104, at: at(104)).deliver == [104])
    }

    @Test("A lost connection during a read is followed by another read")
    func resumedDuringRead() {
        var feed = RoomFeed<UInt64>()
        _ = feed.received(1, at: at(1))
        #expect(feed.resumed().read == 1)
        #expect(feed.resumed().read == nil)
        // Answered before event 2 was kept.
        #expect(feed.read(page([], last: 1), make).read == 1)
        let second = feed.read(page([2], last: 2), make)
        #expect(second.deliver == [2] && second.read == nil)
        // Also when the history is gone, and not after a failed read, which is repeated anyway.
        #expect(feed.resumed().read == 2)
        _ = feed.resumed()
        #expect(feed.read(RoomPage(), make).read == 2)
        _ = feed.resumed()
        feed.readFailed()
        #expect(feed.resumed().read == 2)
        #expect(feed.read(page([], last: 2), make).read == nil)
    }

    @Test("An event that had no place among those that wait is read, even if none comes after it")
    func noPlace() {
        var feed = RoomFeed<UInt64>()
        _ = feed.received(1, at: at(1))
        let last = 2 + UInt64(RoomFeed<UInt64>.maximumWaiting)
        for number in 3...last { _ = feed.received(number, at: at(number)) }
        _ = feed.received(last + 1, at: at(last + 1))
        // Answered before the last one was kept.
        let action = feed.read(page(Array(2...last), last: last), make)
        #expect(action.deliver == Array(2...last) && action.read == last)
        #expect(feed.read(page([last + 1], last: last + 1), make).deliver == [last + 1])
    }

    @Test("After a replay, events that are still on their way count for the other members, and a gap is noticed")
    func replay() {
        var feed = RoomFeed<UInt64>()
        feed.begin(at: at(5))
        #expect(feed.received(4, at: at(4)).deliver == [4])
        #expect(feed.received(5, at: at(5)).deliver == [5])
        feed = RoomFeed()
        feed.begin(at: at(5))
        feed.begin(at: at(9))
        #expect(feed.received(7, at: at(7)).read == 5)
    }
}

@Suite("Replays and live events")
struct RoomReplaysTests {
    @Test("Live events are held back during the replay, which reads on until it has them")
    func heldBack() {
        var replays = RoomReplays<Int>()
        #expect(replays.begin("r", 1) != nil)
        #expect(replays.begin("r", 1) == nil)
        #expect(replays.heldBack(from: "r", at: at(8)) == [1])
        #expect(replays.heldBack(from: "s", at: at(8)) == [])
        #expect(replays.reached(at(7), "r", 1) == false)
        #expect(replays.reached(at(8), "r", 1) == true)
        #expect(replays.isEmpty)
    }

    @Test("What the replay has sent is not sent again when it arrives later")
    func overlap() {
        var replays = RoomReplays<Int>()
        _ = replays.begin("r", 1)
        #expect(replays.reached(at(5), "r", 1) == true)
        #expect(replays.heldBack(from: "r", at: at(4)) == [1])
        #expect(replays.heldBack(from: "r", at: at(5)) == [1])
        #expect(replays.heldBack(from: "r", at: at(6)) == [])
        #expect(replays.isEmpty)
    }

    @Test("A gap in the live events, another history, or an empty one")
    func otherwise() {
        var replays = RoomReplays<Int>()
        _ = replays.begin("r", 1)
        #expect(replays.reached(at(5), "r", 1) == true)
        #expect(replays.heldBack(from: "r", at: at(7)) == [])
        _ = replays.begin("r", 1)
        #expect(replays.reached(at(5), "r", 1) == true)
        #expect(replays.heldBack(from: "r", at: at(1, other)) == [])
        _ = replays.begin("r", 1)
        #expect(replays.heldBack(from: "r", at: at(1, other)) == [1])
        #expect(replays.reached(at(9), "r", 1) == false)
        #expect(replays.reached(nil, "r", 1) == false)
        #expect(replays.reached(at(1, other), "r", 1) == true)
        _ = replays.begin("r", 1)
        #expect(replays.reached(nil, "r", 1) == true)
        #expect(replays.isEmpty)
    }

    @Test("Live events wait for a member that may begin a replay, and only for so long")
    func expected() {
        var replays = RoomReplays<Int>()
        replays.expect("r", 1)
        replays.expect("s", 1)
        #expect(replays.heldBack(from: "r", at: at(8)) == [1])
        #expect(replays.begin("r", 1) != nil)
        #expect(replays.begin("r", 1) == nil)
        replays.expectNoMore(1)
        #expect(replays.heldBack(from: "s", at: at(1)) == [])
        // What was held back before counts for the replay.
        #expect(replays.reached(at(7), "r", 1) == false)
        #expect(replays.reached(at(8), "r", 1) == true)
    }

    @Test("A replay after leaving is another one than the first")
    func again() {
        var replays = RoomReplays<Int>()
        replays.expect("r", 1)
        let first = replays.begin("r", 1) ?? 0
        #expect(replays.isUnderWay(first, of: "r", 1))
        replays.end("r", 1)
        #expect(!replays.isUnderWay(first, of: "r", 1))
        let second = replays.begin("r", 1) ?? 0
        #expect(!replays.isUnderWay(first, of: "r", 1) && replays.isUnderWay(second, of: "r", 1))
        #expect(replays.reached(at(5), "r", 1) == true)
        #expect(!replays.isUnderWay(second, of: "r", 1))
    }

    @Test("A member that leaves or goes is forgotten; names are bytes")
    func forgotten() {
        var replays = RoomReplays<Int>()
        let first = replays.begin("caf\u{e9}", 1) ?? 0
        _ = replays.begin("cafe\u{301}", 1)
        let other = replays.begin("s", 2) ?? 0
        #expect(replays.heldBack(from: "cafe\u{301}", at: at(1)) == [1])
        replays.end("cafe\u{301}", 1)
        #expect(replays.heldBack(from: "cafe\u{301}", at: at(2)) == [])
        #expect(replays.heldBack(from: "caf\u{e9}", at: at(1)) == [1])
        replays.remove(1)
        #expect(!replays.isUnderWay(first, of: "caf\u{e9}", 1) && replays.isUnderWay(other, of: "s", 2))
        replays.remove(2)
        #expect(replays.isEmpty)
    }
}
