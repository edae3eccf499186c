// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Why bytes are no RESP2, or too much of it. The connection cannot be read any further.
package enum RESPError: Error, Hashable, Sendable {
    /// hiredis' own text.
    case malformed(String)
    case tooManyElements(limit: Int)
    case tooDeep(limit: Int)
    case lineTooLong(limit: Int)
    case outOfMemory
}

/// The items of one reply, gathered in wire order within the limits, and made a reply at its end.
struct RESPItems {
    private enum Item {
        case null
        case integer(Int64)
        case simple(ByteBuffer)
        case error(ByteBuffer)
        case bulk(ByteBuffer)
        case array(Int)
    }

    private let limits: RESPLimits
    private let recognisesMessages: Bool
    private var items: [Item] = []
    private var bytes = 0
    private var isTooLarge = false
    /// Items of this reply so far, also of one that is not kept.
    private var count = 0
    /// Why an item was refused.
    private(set) var failure: RESPError?
    /// Strings over the limits so far, of all replies.
    private(set) var skippedStrings = 0

    init(limits: RESPLimits, recognisesMessages: Bool) {
        self.limits = limits
        self.recognisesMessages = recognisesMessages
    }

    var isEmpty: Bool { count == 0 }

    // MARK: Gathering

    // Each returns whether the item is accepted; the connection ends when not.

    mutating func add(line: ByteBuffer, isError: Bool) -> Bool {
        guard line.readableBytes <= limits.maximumLineLength else {
            return refuse(.lineTooLong(limit: limits.maximumLineLength))
        }
        return add(isError ? .error(line) : .simple(line))
    }

    mutating func add(bulk string: ByteBuffer) -> Bool {
        if hasTooManyElements { return add(.null) }
        if isOverLimit(string.readableBytes) {
            skipString()
            return add(.null)
        }
        bytes += string.readableBytes
        return add(.bulk(string))
    }

    mutating func add(array count: Int, depth: Int) -> Bool {
        guard depth < limits.maximumDepth else { return refuse(.tooDeep(limit: limits.maximumDepth)) }
        // The outermost array is not counted, so this is the number of elements up to here.
        guard count <= mostSkipped - self.count else { return refuse(.tooManyElements(limit: limits.maximumElements)) }
        if count > limits.maximumElements - self.count { leaveOut() }
        return add(.array(count))
    }

    mutating func add(integer value: Int64) -> Bool { add(.integer(value)) }

    mutating func addNull() -> Bool { add(.null) }

    private mutating func add(_ item: Item) -> Bool {
        guard count <= mostSkipped else { return refuse(.tooManyElements(limit: limits.maximumElements)) }
        if count > limits.maximumElements { leaveOut() }
        count += 1
        if !hasTooManyElements { items.append(item) }
        return true
    }

    /// Whether the reply has more elements than it may, so that nothing of it is kept.
    private var hasTooManyElements = false

    /// Elements of a reply that is left out. With more the connection ends: somebody might announce any number of them, and
    /// every command would have to wait for their end.
    private var mostSkipped: Int { min(limits.maximumElements, .max / 16) * 16 }

    /// A reply of too many elements is read to its end and thrown away, as one with too large a string is. Whoever may write
    /// to Redis can cause one, and it must not cost the connection.
    private mutating func leaveOut() {
        hasTooManyElements = true
        isTooLarge = true
        items.removeAll()
    }

    private mutating func refuse(_ error: RESPError) -> Bool {
        failure = error
        return false
    }

    /// Whether a string of this length is too much, alone or with those before it.
    func isOverLimit(_ length: Int) -> Bool {
        length > limits.maximumBulkLength || length > limits.maximumReplyBytes - bytes
    }

    /// A string over the limits is left out, and the reply with it.
    mutating func skipString() {
        skippedStrings += 1
        isTooLarge = true
    }

    mutating func removeAll() {
        items.removeAll(keepingCapacity: items.capacity <= 1024)
        bytes = 0
        isTooLarge = false
        hasTooManyElements = false
        count = 0
    }

    // MARK: The reply

    mutating func takeReply() -> RESPReply {
        defer { removeAll() }
        if isTooLarge { return .tooLarge }
        // The answer to nearly every publish.
        if case .integer(let value)? = items.first { return .value(.integer(value)) }
        if recognisesMessages, let message = message() { return .message(message) }
        var index = 0
        return .value(value(at: &index))
    }

    private func message() -> RedisMessage? {
        switch items.count {
        case 4:
            guard case .array(3) = items[0], case .bulk(let kind) = items[1], case .bulk(let channel) = items[2],
                case .bulk(let payload) = items[3]
            else { return nil }
            if kind.is("message") { return RedisMessage(channel: channel, payload: payload) }
            if kind.is("smessage") { return RedisMessage(channel: channel, payload: payload, isSharded: true) }
            return nil
        case 5:
            guard case .array(4) = items[0], case .bulk(let kind) = items[1], case .bulk(let pattern) = items[2],
                case .bulk(let channel) = items[3], case .bulk(let payload) = items[4], kind.is("pmessage")
            else { return nil }
            return RedisMessage(channel: channel, pattern: pattern, payload: payload)
        default:
            return nil
        }
    }

    /// Depth is at most nine: hiredis itself refuses more.
    private func value(at index: inout Int) -> RESPValue {
        guard index < items.count else { return .null }
        let item = items[index]
        index += 1
        switch item {
        case .null: return .null
        case .integer(let value): return .integer(value)
        case .simple(let line): return .simple(String(buffer: line))
        case .error(let line): return .error(String(buffer: line))
        case .bulk(let bytes): return .bulk(bytes)
        case .array(let count):
            var elements: [RESPValue] = []
            elements.reserveCapacity(min(count, items.count - index))
            for _ in 0..<count { elements.append(value(at: &index)) }
            return .array(elements)
        }
    }
}

extension ByteBuffer {
    fileprivate func `is`(_ name: StaticString) -> Bool {
        withUnsafeReadableBytes { bytes in
            bytes.count == name.utf8CodeUnitCount
                && bytes.elementsEqual(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        }
    }
}
