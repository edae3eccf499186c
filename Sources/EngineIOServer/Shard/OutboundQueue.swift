// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// A message put aside for this tick by ``Shard/stage(_:)``; worthless once the tick is over.
package struct StagedMessage: Sendable {
    /// Among the messages of the tick; `~index` among the frames of its arena.
    let index: Int32
    let tick: UInt32
}

/// The outbound messages of one tick: each message once, and for each session a linked list of indices into one flat
/// array (design 5). A recipient costs one entry of eight bytes, no allocation and no reference count.
///
/// A class, so that nothing is held exclusively while a delivery calls out. For the same reason overlapping access to what
/// every message touches is not checked for at run time: it is read and changed in single steps.
final class OutboundQueue {
    private struct Entry {
        var message: Int32
        var next: Int32
    }

    static let none: Int32 = -1

    @exclusivity(unchecked)
    private(set) var tick: UInt32 = 0
    @exclusivity(unchecked)
    private var messages: [OutboundMessage] = []
    /// Messages for one recipient, see `stage(textUpTo:_:)`.
    @exclusivity(unchecked)
    private var arena = FrameArena()
    @exclusivity(unchecked)
    private var entries: [Entry] = []
    /// What each message counts in the shard's traffic, so that a recipient costs two additions.
    @exclusivity(unchecked)
    private var weights: [ShardTraffic.Weight] = []

    /// For the clients that have agreed to compression; nil when that is turned off.
    let compressor: FrameCompressor?
    /// What was compressed in this tick, by message and window size.
    private var compressed: [Int64: OutboundMessage] = [:]

    // The list joined last and what it gave: in a broadcast most lists are equal to the one before.
    @exclusivity(unchecked)
    private var lastList: [Int32] = []
    private var lastWindowBits: Int32?
    private var list: [Int32] = []
    @exclusivity(unchecked)
    private var joined: [ByteBuffer] = []

    init(compressor: FrameCompressor? = nil) {
        self.compressor = compressor
    }

    func stage(_ message: OutboundMessage) -> StagedMessage {
        messages.append(message)
        weights.append(ShardTraffic.Weight(message))
        return StagedMessage(index: Int32(truncatingIfNeeded: messages.count - 1), tick: tick)
    }

    /// Puts a text message aside that one session receives, and writes it where it leaves from.
    func stage(textUpTo bound: Int, _ write: (UnsafeMutableRawBufferPointer) -> Int) -> StagedMessage {
        guard bound <= FrameArena.largestMessage else {
            return stage(OutboundMessage(head: .text(upTo: bound, write)))
        }
        return StagedMessage(index: ~Int32(truncatingIfNeeded: arena.append(upTo: bound, write)), tick: tick)
    }

    /// Appends to the list that ends in `last`; returns the new end.
    func append(_ staged: StagedMessage, after last: Int32) -> Int32 {
        let index = Int32(truncatingIfNeeded: entries.count)
        entries.append(Entry(message: staged.index, next: Self.none))
        if last != Self.none { entries[Int(last)].next = index }
        return index
    }

    func weight(of staged: StagedMessage) -> ShardTraffic.Weight { weight(at: staged.index) }

    private func weight(at index: Int32) -> ShardTraffic.Weight {
        index < 0 ? ShardTraffic.Weight(textFrameOf: arena.length(of: Int(~index))) : weights[Int(index)]
    }

    /// What the messages of a list count.
    func forEachWeight(from first: Int32, _ body: (ShardTraffic.Weight) -> Void) {
        var index = first
        while index != Self.none {
            let entry = entries[Int(index)]
            body(weight(at: entry.message))
            index = entry.next
        }
    }

    /// The message at `index`, compressed when `windowBits` says so: once in a tick for all that share a window size.
    private func message(at index: Int32, windowBits: Int32?) -> OutboundMessage {
        guard let windowBits, let compressor else { return message(at: index) }
        // A message of the arena is asked for once.
        guard index >= 0 else { return compressor.compress(message(at: index), windowBits: windowBits) }
        let key = Int64(index) << 8 | Int64(windowBits)
        if let message = compressed[key] { return message }
        let message = compressor.compress(message(at: index), windowBits: windowBits)
        compressed[key] = message
        return message
    }

    private func message(at index: Int32) -> OutboundMessage {
        index < 0 ? arena.message(Int(~index)) : messages[Int(index)]
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

    /// Adds the messages of a list to a polling body; whether one of them may be compressed.
    func append(listFrom first: Int32, toPollingBody body: inout ByteBuffer) -> Bool {
        var mayCompress = false
        var index = first
        while index != Self.none {
            let entry = entries[Int(index)]
            index = entry.next
            if entry.message < 0 {
                PollingPayloadEncoder.append(arena.payload(Int(~entry.message)), isBinary: false, to: &body)
                mayCompress = true
            } else {
                PollingPayloadEncoder.append(messages[Int(entry.message)], to: &body)
                mayCompress = mayCompress || messages[Int(entry.message)].compress
            }
        }
        return mayCompress
    }

    /// What has become of a list that was to be sent at once.
    enum DirectOutcome {
        case sent
        /// The socket did not take these bytes.
        case blocked(rest: ByteBuffer)
        /// Nothing was sent: the frames are not one piece.
        case several
    }

    /// Sends the uncompressed frames of a list when they are one piece of memory, as they nearly always are.
    func send(listFrom first: Int32, to socket: DirectSocket) -> DirectOutcome {
        if let bytes = arenaBytes(from: first) {
            let sent = socket.send(bytes)
            guard sent < bytes.count else { return .sent }
            return .blocked(rest: ByteBuffer(bytes: UnsafeRawBufferPointer(rebasing: bytes[sent...])))
        }
        guard let buffer = soleBuffer(from: first) else { return .several }
        let sent = socket.send(buffer)
        guard sent < buffer.readableBytes else { return .sent }
        var rest = buffer
        rest.moveReaderIndex(forwardBy: sent)
        return .blocked(rest: rest)
    }

    /// The frames of a list that lie in the arena, one behind the other.
    private func arenaBytes(from first: Int32) -> UnsafeRawBufferPointer? {
        var entry = entries[Int(first)]
        guard entry.message < 0 else { return nil }
        let start = Int(~entry.message)
        var end = start
        while entry.next != Self.none {
            entry = entries[Int(entry.next)]
            guard entry.message < 0, arena.isContiguous(end, Int(~entry.message)) else { return nil }
            end = Int(~entry.message)
        }
        return arena.bytes(from: start, through: end)
    }

    private func soleBuffer(from first: Int32) -> ByteBuffer? {
        if let frame = soleFrame(from: first) { return frame }
        join(listFrom: first, windowBits: nil)
        return joined.count == 1 ? joined[0] : nil
    }

    /// The frame of a list with one message that has no attachments.
    private func soleFrame(from first: Int32) -> ByteBuffer? {
        let entry = entries[Int(first)]
        guard entry.next == Self.none else { return nil }
        guard entry.message >= 0 else { return message(at: entry.message).head.frame }
        return messages[Int(entry.message)].attachments.isEmpty ? messages[Int(entry.message)].head.frame : nil
    }

    /// The frames of a list in as few buffers as is sensible, usually one.
    /// - Parameter windowBits: what was agreed on about compression; nil for none.
    func forEachBuffer(from first: Int32, windowBits: Int32?, _ body: (ByteBuffer) -> Void) {
        if let frame = soleFrame(from: first) {
            guard windowBits != nil else { return body(frame) }
            return body(message(at: entries[Int(first)].message, windowBits: windowBits).head.frame)
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
        if !messages.isEmpty {
            messages.removeAll(keepingCapacity: messages.count <= 4096)
            weights.removeAll(keepingCapacity: weights.count <= 4096)
        }
        arena.reset()
        entries.removeAll(keepingCapacity: entries.count <= 65536)
        if !compressed.isEmpty { compressed = [:] }
        guard !lastList.isEmpty else { return }
        lastList.removeAll(keepingCapacity: true)
        joined.removeAll(keepingCapacity: true)
    }
}
