// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import NIOCore
internal import SocketIOCore

/// The messages that a node has delivered before they were in the stream, and the ids of their entries. A client that
/// returns says by number up to which of them it has got them.
struct EarlyEntries {
    private var entries = CircularBuffer<(number: UInt64, id: RedisStreamID)>()
    private var last: UInt64 = 0
    /// Up to here all entries are known that are ever going to be.
    private(set) var settled: UInt64 = 0
    /// The newest entry that has been forgotten, because there were too many.
    private var forgotten = RedisStreamID.zero

    /// The most messages that are remembered.
    static let maximumCount = 50_000
    /// The most bytes of the text of them all.
    static let maximumBytes = 64 * (maximumCount + 1)

    /// Whether entries are missing.
    var isOpen: Bool { settled < last }

    /// The number of the next message.
    mutating func next() -> UInt64 {
        last += 1
        return last
    }

    mutating func add(_ id: RedisStreamID, number: UInt64) {
        entries.append((number, id))
        if entries.count > Self.maximumCount { forgotten = entries.removeFirst().id }
    }

    mutating func close() { settled = last }

    /// The positions of the entries after an offset that a client has got; nil when they are not all known.
    func positions(through number: UInt64, after offset: EventPosition) -> Set<EventPosition>? {
        guard number <= settled, offset >= EventPosition(forgotten) else { return nil }
        return Set(entries.lazy.filter { $0.number <= number }.map { EventPosition($0.id) })
    }

    // MARK: Text

    init() {}

    /// For other nodes: the number up to which all is known and the newest forgotten id, then a line with number and id
    /// for each entry.
    var text: ByteBuffer {
        var text = ByteBuffer(string: "\(settled) \(forgotten)")
        for (number, id) in entries { text.writeString("\n\(number) \(id)") }
        return text
    }

    /// Nil for a text of another form.
    init?(_ text: ByteBuffer) {
        guard text.readableBytes <= Self.maximumBytes else { return nil }
        let lines = text.readableBytesView.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard lines.count <= Self.maximumCount + 1, let head = Self.pair(lines[0]) else { return nil }
        for line in lines.dropFirst() {
            guard let entry = Self.pair(line) else { return nil }
            entries.append(entry)
        }
        (settled, last, forgotten) = (head.number, head.number, head.id)
    }

    private static func pair(_ line: ByteBufferView) -> (number: UInt64, id: RedisStreamID)? {
        let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 2, let number = number(parts[0]), let id = RedisStreamID(ByteBuffer(bytes: parts[1]))
        else { return nil }
        return (number, id)
    }

    private static func number(_ digits: ByteBufferView) -> UInt64? {
        guard let first = digits.first, first != UInt8(ascii: "+"), digits.count <= 20 else { return nil }
        return UInt64(String(decoding: digits, as: UTF8.self))
    }
}
