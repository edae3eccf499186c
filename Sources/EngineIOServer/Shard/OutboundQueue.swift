// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// A message put aside for this tick by ``Shard/stage(_:)``; worthless once the tick is over.
package struct StagedMessage: Sendable {
    let index: Int32
    let tick: UInt32
}

/// The outbound messages of one tick: each message once, and for each session a linked list of indices into one flat
/// array (design 5). A recipient costs one entry of eight bytes, no allocation and no reference count.
///
/// A class, so that nothing is held exclusively while a delivery calls out.
final class OutboundQueue {
    private struct Entry {
        var message: Int32
        var next: Int32
    }

    static let none: Int32 = -1

    private(set) var tick: UInt32 = 0
    private var messages: [OutboundMessage] = []
    private var entries: [Entry] = []
    /// What each message counts in the shard's traffic, so that a recipient costs two additions.
    private var weights: [ShardTraffic.Weight] = []

    /// For the clients that have agreed to compression; nil when that is turned off.
    let compressor: FrameCompressor?
    /// What was compressed in this tick, by message and window size.
    private var compressed: [Int64: OutboundMessage] = [:]

    // The list joined last and what it gave: in a broadcast most lists are equal to the one before.
    private var lastList: [Int32] = []
    private var lastWindowBits: Int32?
    private var list: [Int32] = []
    private var joined: [ByteBuffer] = []

    init(compressor: FrameCompressor? = nil) {
        self.compressor = compressor
    }

    func stage(_ message: OutboundMessage) -> StagedMessage {
        messages.append(message)
        weights.append(ShardTraffic.Weight(message))
        return StagedMessage(index: Int32(truncatingIfNeeded: messages.count - 1), tick: tick)
    }

    /// Appends to the list that ends in `last`; returns the new end.
    func append(_ staged: StagedMessage, after last: Int32) -> Int32 {
        let index = Int32(truncatingIfNeeded: entries.count)
        entries.append(Entry(message: staged.index, next: Self.none))
        if last != Self.none { entries[Int(last)].next = index }
        return index
    }

    func weight(of staged: StagedMessage) -> ShardTraffic.Weight { weights[Int(staged.index)] }

    /// What the messages of a list count.
    func forEachWeight(from first: Int32, _ body: (ShardTraffic.Weight) -> Void) {
        var index = first
        while index != Self.none {
            let entry = entries[Int(index)]
            body(weights[Int(entry.message)])
            index = entry.next
        }
    }

    /// The message at `index`, compressed when `windowBits` says so: once in a tick for all that share a window size.
    private func message(at index: Int32, windowBits: Int32?) -> OutboundMessage {
        guard let windowBits, let compressor else { return messages[Int(index)] }
        let key = Int64(index) << 8 | Int64(windowBits)
        if let message = compressed[key] { return message }
        let message = compressor.compress(messages[Int(index)], windowBits: windowBits)
        compressed[key] = message
        return message
    }

    /// The messages of a list, in order.
    /// - Parameter windowBits: what was agreed on about compression; nil for none.
    func forEachMessage(from first: Int32, windowBits: Int32?, _ body: (OutboundMessage) -> Void) {
        var index = first
        while index != Self.none {
            let entry = entries[Int(index)]
            body(message(at: entry.message, windowBits: windowBits))
            index = entry.next
        }
    }

    /// The uncompressed frames of a list when they are one buffer, as they nearly always are.
    func soleBuffer(from first: Int32) -> ByteBuffer? {
        let entry = entries[Int(first)]
        if entry.next == Self.none, messages[Int(entry.message)].attachments.isEmpty {
            return messages[Int(entry.message)].head.frame
        }
        join(listFrom: first, windowBits: nil)
        return joined.count == 1 ? joined[0] : nil
    }

    /// The frames of a list in as few buffers as is sensible, usually one.
    /// - Parameter windowBits: what was agreed on about compression; nil for none.
    func forEachBuffer(from first: Int32, windowBits: Int32?, _ body: (ByteBuffer) -> Void) {
        let entry = entries[Int(first)]
        if entry.next == Self.none, messages[Int(entry.message)].attachments.isEmpty {
            guard windowBits != nil else { return body(messages[Int(entry.message)].head.frame) }
            return body(message(at: entry.message, windowBits: windowBits).head.frame)
        }
        join(listFrom: first, windowBits: windowBits)
        let buffers = joined
        for buffer in buffers { body(buffer) }
    }

    /// Leaves the frames of a list in `joined`.
    private func join(listFrom first: Int32, windowBits: Int32?) {
        list.removeAll(keepingCapacity: true)
        var index = first
        while index != Self.none {
            list.append(entries[Int(index)].message)
            index = entries[Int(index)].next
        }
        if list != lastList || windowBits != lastWindowBits {
            var joiner = FrameJoiner()
            for index in list { joiner.append(message(at: index, windowBits: windowBits)) }
            lastWindowBits = windowBits
            joined = joiner.finish()
            swap(&list, &lastList)
        }
    }

    /// Ends the tick: every staged message and list is gone.
    func reset() {
        tick &+= 1
        messages.removeAll(keepingCapacity: messages.count <= 4096)
        weights.removeAll(keepingCapacity: weights.count <= 4096)
        entries.removeAll(keepingCapacity: entries.count <= 65536)
        if !compressed.isEmpty { compressed = [:] }
        lastList.removeAll(keepingCapacity: true)
        joined.removeAll(keepingCapacity: true)
    }
}
