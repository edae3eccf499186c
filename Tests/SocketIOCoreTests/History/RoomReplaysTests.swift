// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOCore
import Testing

@Suite("Replays and live events")
struct RoomReplaysTests: HistorySamples {
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
