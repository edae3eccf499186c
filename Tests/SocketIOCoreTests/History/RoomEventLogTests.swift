// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOCore
import Testing

@Suite("The history of one room in memory")
struct RoomEventLogTests: HistorySamples {
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
