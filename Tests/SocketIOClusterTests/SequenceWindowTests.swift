// Part of socketio-server, MIT licence; see LICENSE.

internal import Testing

@testable import SocketIOCluster

@Suite("Numbers of messages")
struct SequenceWindowTests {
    @Test("each number is new once, in whatever order they come")
    func order() {
        var window = SequenceWindow()
        func insert(_ number: UInt64) -> Bool { window.insert(number) }
        for number: UInt64 in [1, 2, 5, 4, 3, 100, 99, 6] { #expect(insert(number), "\(number)") }
        for number: UInt64 in [1, 2, 5, 4, 3, 100, 99, 6] { #expect(!insert(number), "\(number)") }
        #expect(insert(50))
        #expect(!insert(50))
    }

    @Test("what is as old as the window is wide is not told from what was seen")
    func age() {
        var window = SequenceWindow()
        func insert(_ number: UInt64) -> Bool { window.insert(number) }
        let width = SequenceWindow.width
        #expect(insert(width + 1))
        // The oldest that it still knows, and one older.
        #expect(insert(2))
        #expect(!insert(2))
        #expect(!insert(1))
        #expect(insert(10 * width))
        #expect(insert(10 * width - 1))
        #expect(!insert(9 * width))
        #expect(insert(.max))
        #expect(insert(.max - 1))
        #expect(!insert(.max))
    }

    @Test("as in a set, for any order of numbers that are not too old", arguments: 0..<20)
    func random(seed: UInt64) {
        var window = SequenceWindow()
        func insert(_ number: UInt64) -> Bool { window.insert(number) }
        var seen: Set<UInt64> = []
        var (newest, state): (UInt64, UInt64) = (0, seed)
        for _ in 0..<5_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let step = (state >> 33) % 1_500
            let number = max(1, (newest + 10) &- min(newest, step))
            guard number > newest || newest - number < SequenceWindow.width else { continue }
            #expect(insert(number) == seen.insert(number).inserted, "\(number), newest \(newest)")
            newest = max(newest, number)
        }
    }

    @Test("each sender has numbers of its own, and more senders than can be known are let through")
    func senders() {
        var windows = SequenceWindows()
        func insert(_ number: UInt64, of sender: String) -> Bool { windows.insert(number, of: sender) }
        #expect(insert(1, of: "a"))
        #expect(insert(1, of: "b"))
        #expect(!insert(1, of: "a"))
        windows.forget("a")
        #expect(insert(1, of: "a"))
        for number in 0..<5_000 { #expect(insert(1, of: "sender \(number)")) }
        #expect(!insert(1, of: "a"))
        #expect(insert(1, of: "sender 4999"))
    }
}
