// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import Testing

@testable import EngineIOServer

/// Messages that are written where they leave from are the same as those made in a buffer.
@Suite("Messages in place")
struct FrameArenaTests {
    @Test(arguments: [2, 124, 125, 126, 127, 1000, 16_383, 16_384, 16_385, 65_535, 65_536, 70_000])
    func likeInABuffer(length: Int) {
        let expected = Self.expected(length)
        for bound in [length, length + 1, length + 10, length * 6] {
            let queue = OutboundQueue()
            let first = queue.append(Self.stage(length, bound: bound, in: queue), after: OutboundQueue.none)
            var messages: [OutboundMessage] = []
            queue.forEachMessage(from: first, windowBits: nil) { messages.append($0) }
            #expect(messages == [expected])
            #expect(messages.first?.head.headerLength == expected.head.headerLength)
            #expect(Self.bytes(first, queue) == Array(expected.head.frame.readableBytesView))
            var weights: [ShardTraffic.Weight] = []
            queue.forEachWeight(from: first) { weights.append($0) }
            #expect(weights.map(\.messages) == [1])
            #expect(weights.map(\.bytes) == [expected.frameBytes])
        }
    }

    /// Lists of both kinds of messages, in every order, keep it.
    @Test func mixedLists() {
        let queue = OutboundQueue()
        for _ in 0..<3 {
            for pattern in 0..<16 {
                var first = OutboundQueue.none
                var last = OutboundQueue.none
                var expected: [UInt8] = []
                for position in 0..<4 {
                    let length = 100 + 20 * position
                    let staged =
                        pattern & (1 << position) == 0
                        ? queue.stage(Self.expected(length)) : Self.stage(length, bound: length + 40, in: queue)
                    last = queue.append(staged, after: last)
                    if first == OutboundQueue.none { first = last }
                    expected += Array(Self.expected(length).head.frame.readableBytesView)
                }
                #expect(Self.bytes(first, queue) == expected)
            }
            queue.reset()
        }
    }

    /// The memory grows with frames in it, and is used again after the tick.
    @Test func growth() {
        var arena = FrameArena()
        for _ in 0..<3 {
            for number in 0..<2000 {
                let index = arena.append(upTo: 200 + number % 100) { Self.write(200, number, into: $0) }
                #expect(index == number)
            }
            for number in 0..<2000 {
                let payload = arena.message(number).head.payload
                #expect(payload.count == 200 && payload.last == UInt8(truncatingIfNeeded: number))
            }
            arena.reset()
        }
    }

    /// Frames are sent as one piece of memory, however far they stay below their bounds.
    @Test func framesLieTogether() {
        var arena = FrameArena()
        let lengths = [5, 130, 7, 125, 126, 5, 125, 126, 9, 2]
        let bounds = [5, 130, 7, 125, 126, 300, 126, 16_384, 16_384, 125]
        for (length, bound) in zip(lengths, bounds) {
            _ = arena.append(upTo: bound) { Self.write(length, 1, into: $0) }
        }
        let joints = (1..<lengths.count).map { arena.isContiguous($0 - 1, $0) }
        #expect(!joints.contains(false))
        let all = lengths.indices.flatMap { Array(arena.message($0).head.frame.readableBytesView) }
        let together = Array(arena.bytes(from: 0, through: lengths.count - 1))
        #expect(together == all)
        #expect(all.count == lengths.reduce(0) { $0 + $1 + ($1 < 126 ? 2 : 4) })
    }

    private static func expected(_ length: Int) -> OutboundMessage {
        var payload = ByteBuffer(repeating: UInt8(ascii: "x"), count: length - 1)
        payload.setInteger(UInt8(truncatingIfNeeded: length), at: length - 2)
        if length == 2 { payload = ByteBuffer(bytes: [2]) }
        return OutboundMessage(head: .text(type: UInt8(ascii: "4"), payload: payload))
    }

    private static func stage(_ length: Int, bound: Int, in queue: OutboundQueue) -> StagedMessage {
        queue.stage(textUpTo: bound, origin: 0) { write(length, length, into: $0) }
    }

    private static func write(_ length: Int, _ mark: Int, into output: UnsafeMutableRawBufferPointer) -> Int {
        output[0] = UInt8(ascii: "4")
        for index in 1..<length { output[index] = UInt8(ascii: "x") }
        output[length - 1] = UInt8(truncatingIfNeeded: mark)
        return length
    }

    private static func bytes(_ first: Int32, _ queue: OutboundQueue) -> [UInt8] {
        var bytes: [UInt8] = []
        queue.forEachBuffer(from: first, windowBits: nil) { bytes += Array($0.readableBytesView) }
        return bytes
    }
}
