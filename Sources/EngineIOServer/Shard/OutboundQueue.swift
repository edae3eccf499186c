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

    // The list joined last and what it gave: in a broadcast most lists are equal to the one before.
    private var lastList: [Int32] = []
    private var list: [Int32] = []
    private var joined: [ByteBuffer] = []

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

    /// The messages of a list, in order.
    func forEachMessage(from first: Int32, _ body: (OutboundMessage) -> Void) {
        var index = first
        while index != Self.none {
            let entry = entries[Int(index)]
            body(messages[Int(entry.message)])
            index = entry.next
        }
    }

    /// The frames of a list in as few buffers as is sensible, usually one.
    func forEachBuffer(from first: Int32, _ body: (ByteBuffer) -> Void) {
        let entry = entries[Int(first)]
        if entry.next == Self.none, messages[Int(entry.message)].attachments.isEmpty {
            return body(messages[Int(entry.message)].head.frame)
        }
        list.removeAll(keepingCapacity: true)
        var index = first
        while index != Self.none {
            list.append(entries[Int(index)].message)
            index = entries[Int(index)].next
        }
        if list != lastList {
            var joiner = FrameJoiner()
            for index in list { joiner.append(messages[Int(index)]) }
            joined = joiner.finish()
            swap(&list, &lastList)
        }
        let buffers = joined
        for buffer in buffers { body(buffer) }
    }

    /// Ends the tick: every staged message and list is gone.
    func reset() {
        tick &+= 1
        messages.removeAll(keepingCapacity: messages.count <= 4096)
        weights.removeAll(keepingCapacity: weights.count <= 4096)
        entries.removeAll(keepingCapacity: entries.count <= 65536)
        lastList.removeAll(keepingCapacity: true)
        joined.removeAll(keepingCapacity: true)
    }
}
