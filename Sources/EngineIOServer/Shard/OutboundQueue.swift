// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// The outbound messages of one tick: each message once, and for each session a linked list of indices into one flat
/// array (decisions 5). A recipient costs one entry of eight bytes, no allocation and no reference count.
///
/// A class, so that nothing is held exclusively while a delivery calls out. For the same reason overlapping access to what
/// every message touches is not checked for at run time: it is read and changed in single steps.
final class OutboundQueue {
    struct Entry {
        var place: MessagePlace
        var next: Int32
    }

    static let none: Int32 = -1

    @exclusivity(unchecked)
    private(set) var tick: UInt32 = 0
    @exclusivity(unchecked)
    var messages: [OutboundMessage] = []
    /// Messages for one recipient, see `stage(textUpTo:_:)`.
    @exclusivity(unchecked)
    var arena = FrameArena()
    @exclusivity(unchecked)
    var entries: [Entry] = []
    /// What each message counts in the shard's traffic, so that a recipient costs two additions.
    @exclusivity(unchecked)
    var weights: [ShardTraffic.Weight] = []

    /// For the clients that have agreed to compression; nil when that is turned off.
    let compressor: FrameCompressor?
    /// What was compressed in this tick, by message and window size.
    @exclusivity(unchecked)
    private var compressed: [Int64: OutboundMessage] = [:]
    /// What has to wait for somebody, by the same.
    @exclusivity(unchecked)
    var held: [Int64: HeldMessage] = [:]
    /// The bodies of polling answers that several clients get, by their messages.
    @exclusivity(unchecked)
    var pollingBodies: [[MessagePlace]: PollingBody] = [:]
    /// How many bytes are staged, those of the arena left out.
    @exclusivity(unchecked)
    private var sharedBytes = 0

    // The list joined last and what it gave: in a broadcast most lists are equal to the one before.
    @exclusivity(unchecked)
    var lastList: [MessagePlace] = []
    var lastWindowBits: Int32?
    private var list: [MessagePlace] = []
    @exclusivity(unchecked)
    var joined: [ByteBuffer] = []
    var joinedHeld: HeldBytes?

    init(compressor: FrameCompressor? = nil) {
        self.compressor = compressor
    }

    /// How many bytes wait for the end of the tick, each message counted once.
    var stagedBytes: Int { sharedBytes + arena.used }

    func stage(_ message: OutboundMessage) -> StagedMessage {
        let weight = ShardTraffic.Weight(message)
        messages.append(message)
        weights.append(weight)
        sharedBytes += weight.bytes
        return StagedMessage(place: .shared(messages.count - 1), tick: tick)
    }

    /// Puts a text message aside that one session receives, and writes it where it leaves from.
    func stage(
        textUpTo bound: Int, origin: Int32, _ write: (UnsafeMutableRawBufferPointer) -> Int
    ) -> StagedMessage {
        guard bound <= FrameArena.largestMessage else {
            var message = OutboundMessage(head: .text(upTo: bound, write))
            message.origin = origin
            return stage(message)
        }
        return StagedMessage(place: .frame(arena.append(upTo: bound, origin: origin, write)), tick: tick)
    }

    /// Appends to the list that ends in `last`; returns the new end.
    func append(_ staged: StagedMessage, after last: Int32) -> Int32 {
        let index = Int32(truncatingIfNeeded: entries.count)
        entries.append(Entry(place: staged.place, next: Self.none))
        if last != Self.none { entries[Int(last)].next = index }
        return index
    }

    func weight(of staged: StagedMessage) -> ShardTraffic.Weight { weight(at: staged.place) }

    private func weight(at place: MessagePlace) -> ShardTraffic.Weight {
        switch place.kind {
        case .shared(let index): weights[index]
        case .frame(let index): ShardTraffic.Weight(textFrameOf: arena.length(of: index))
        }
    }

    /// What the messages of a list count.
    func forEachWeight(from first: Int32, _ body: (ShardTraffic.Weight) -> Void) {
        var index = first
        while index != Self.none {
            let entry = entries[Int(index)]
            body(weight(at: entry.place))
            index = entry.next
        }
    }

    /// A message, compressed when `windowBits` says so: once in a tick for all that share a window size.
    func message(at place: MessagePlace, windowBits: Int32?) -> OutboundMessage {
        guard let windowBits, let compressor else { return message(at: place) }
        // A message of the arena is asked for once.
        guard case .shared(let index) = place.kind else {
            return compressor.compress(message(at: place), windowBits: windowBits)
        }
        let key = Int64(index) << 8 | Int64(windowBits)
        if let message = compressed[key] { return message }
        let message = compressor.compress(messages[index], windowBits: windowBits)
        compressed[key] = message
        return message
    }

    private func message(at place: MessagePlace) -> OutboundMessage {
        switch place.kind {
        case .shared(let index): messages[index]
        case .frame(let index): arena.message(index)
        }
    }

    /// The messages of a list, in order.
    /// - Parameter windowBits: what was agreed on about compression; nil for none.
    func forEachMessage(from first: Int32, windowBits: Int32?, _ body: (OutboundMessage) -> Void) {
        var index = first
        while index != Self.none {
            let entry = entries[Int(index)]
            body(message(at: entry.place, windowBits: windowBits))
            index = entry.next
        }
    }

    // MARK: Sending at once

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
        guard let start = entry.place.frame else { return nil }
        var end = start
        while entry.next != Self.none {
            entry = entries[Int(entry.next)]
            guard let index = entry.place.frame, arena.isContiguous(end, index) else { return nil }
            end = index
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
        switch entry.place.kind {
        case .shared(let index): return messages[index].attachments.isEmpty ? messages[index].head.frame : nil
        case .frame(let index): return arena.message(index).head.frame
        }
    }

    /// The frames of a list in as few buffers as is sensible, usually one.
    /// - Parameter windowBits: what was agreed on about compression; nil for none.
    func forEachBuffer(from first: Int32, windowBits: Int32?, _ body: (ByteBuffer) -> Void) {
        if let frame = soleFrame(from: first) {
            guard windowBits != nil else { return body(frame) }
            return body(message(at: entries[Int(first)].place, windowBits: windowBits).head.frame)
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
            list.append(entries[Int(index)].place)
            index = entries[Int(index)].next
        }
        if list != lastList || windowBits != lastWindowBits {
            var joiner = FrameJoiner()
            for place in list { joiner.append(message(at: place, windowBits: windowBits)) }
            lastWindowBits = windowBits
            joined = joiner.finish()
            joinedHeld = nil
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
        sharedBytes = 0
        if !compressed.isEmpty { compressed = [:] }
        if !held.isEmpty { held = [:] }
        if !pollingBodies.isEmpty { pollingBodies = [:] }
        guard !lastList.isEmpty else { return }
        lastList.removeAll(keepingCapacity: true)
        joined.removeAll(keepingCapacity: true)
        joinedHeld = nil
    }
}
