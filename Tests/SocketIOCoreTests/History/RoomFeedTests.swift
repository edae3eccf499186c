// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import SocketIOCore
import Testing

@Suite("The order in which a room's events are delivered")
struct RoomFeedTests: HistorySamples {
    private func page(_ numbers: [UInt64], first: UInt64 = 1, last: UInt64, _ epoch: BootID = Self.epoch) -> RoomPage {
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
        // The history is asked again after the read that is under way.
        #expect(feed.received(1, at: at(1, other)).deliver.isEmpty)
        let old = feed.read(page([8, 9], last: 9), make)
        #expect(old.deliver == [8, 9] && old.read == 9)
        let new = feed.read(page([1], last: 1, other), make)
        #expect(new.deliver.isEmpty && new.read == 0)
        #expect(feed.read(page([1], last: 1, other), make).deliver == [1])
        #expect(feed.received(2, at: at(2, other)).deliver == [2])
        // Somebody else has only said so.
        #expect(feed.received(1, at: at(1)).deliver.isEmpty)
        let same = feed.read(page([], last: 2, other), make)
        #expect(same.deliver.isEmpty && same.read == nil && feed.last == 2)
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

    @Test("A number that the history cannot have given out is left out, and what waits beside it is not lost")
    func rejectedNumber() {
        let step = RoomPosition.maximumStep
        var feed = RoomFeed<UInt64>()
        _ = feed.received(5, at: at(5))
        // As far as a failover may go back, and one further.
        for (number, isRejected) in [(5 + step, false), (6 + step, true), (RoomPosition.maximumNumber, true)] {
            var feed = feed
            #expect(feed.received(number, at: at(number)).read == 5)
            let action = feed.read(page([], last: 5), make)
            #expect(action.rejected == (isRejected ? 1 : 0))
            #expect(action.deliver == (isRejected ? [] : [number]) && action.read == nil)
            #expect(feed.last == (isRejected ? 5 : number))
        }
        _ = feed.received(9_007_199_254_740_991, at: at(9_007_199_254_740_991))
        _ = feed.received(7, at: at(7))
        let action = feed.read(page([], last: 5), make)
        #expect(action.deliver.isEmpty && action.rejected == 1 && action.missed == 0 && action.read == 5)
        #expect(feed.read(page([6, 7], last: 7), make).deliver == [6, 7])
    }

    @Test("A feed that began with a number of somebody else finds the history again")
    func implausibleBeginning() {
        var feed = RoomFeed<UInt64>()
        let strange = RoomPosition.maximumStep + 8
        _ = feed.received(strange, at: at(strange))
        // The first event that may be a repetition.
        #expect(feed.received(8, at: at(8)).read == nil)
        #expect(feed.received(7, at: at(7)).read == strange)
        #expect(feed.received(8, at: at(8)).deliver.isEmpty)
        let action = feed.read(page([], last: 8), make)
        #expect(action.deliver.isEmpty && action.missed == 0 && action.read == 6)
        #expect(feed.read(page([7, 8], last: 8), make).deliver == [7, 8])
        // The same when the history really is that far: nothing comes twice.
        feed = RoomFeed()
        _ = feed.received(strange, at: at(strange))
        #expect(feed.received(1, at: at(1)).read == strange)
        let same = feed.read(page([], last: strange), make)
        #expect(same.deliver.isEmpty && same.read == nil && feed.last == strange)
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
