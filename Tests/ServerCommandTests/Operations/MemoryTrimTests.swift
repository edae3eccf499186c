// Part of socketio-server, MIT licence; see LICENSE.

internal import Testing

@testable internal import socketio_server

@Suite struct MemoryTrimTests {
    @Test func aQuarterOfACrowdHasToGo() {
        var trim = MemoryTrim()
        func isDue(_ sessions: Int, _ now: Int) -> Bool { trim.isDue(sessions: sessions, now: now) }
        #expect(!isDue(10_000, 0))
        #expect(!isDue(7_501, 1_000))
        #expect(isDue(7_500, 2_000))
        // Counted from there, and not before five seconds are over.
        #expect(!isDue(7_000, 60_000))
        #expect(isDue(5_625, 61_000))
        #expect(!isDue(0, 65_999))
        #expect(isDue(0, 66_000))
        #expect(!isDue(0, 90_000))
    }

    @Test func smallNumbersAreLeftToTheAllocator() {
        var trim = MemoryTrim()
        func isDue(_ sessions: Int, _ now: Int) -> Bool { trim.isDue(sessions: sessions, now: now) }
        #expect(!isDue(255, 0))
        #expect(!isDue(0, 10_000))
        #expect(!isDue(256, 20_000))
        #expect(isDue(0, 30_000))
    }

    @Test func itCanBeCalled() { MemoryTrim.giveBack() }
}
