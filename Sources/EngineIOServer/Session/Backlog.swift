// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// Messages that wait for a busy transport, in order. Empty it costs no memory beyond itself.
struct Backlog {
    /// Counted for each message beside its bytes, so that a flood of tiny messages is bounded too.
    static let messageOverhead = 64

    private var storage: [OutboundMessage] = []
    private var start = 0
    private(set) var bytes = 0

    var isEmpty: Bool { start == storage.count }

    static func cost(of message: OutboundMessage) -> Int { message.frameBytes + messageOverhead }

    mutating func append(_ message: OutboundMessage) {
        storage.append(message)
        bytes += Self.cost(of: message)
    }

    /// Everything, leaving the backlog empty.
    mutating func takeAll() -> ArraySlice<OutboundMessage> {
        let all = storage[start...]
        self = Backlog()
        return all
    }

    /// Drops the oldest application message; false when there is none. Engine packets stay: without its ping a client
    /// would be lost.
    mutating func dropOldest() -> Bool {
        guard let index = storage[start...].firstIndex(where: \.isApplicationMessage) else { return false }
        bytes -= Self.cost(of: storage[index])
        if index == start {
            storage[start] = OutboundMessage(head: .noop)
            start += 1
            if start > 64, start * 2 > storage.count {
                storage.removeFirst(start)
                start = 0
            }
        } else {
            storage.remove(at: index)
        }
        return true
    }
}

extension OutboundMessage {
    /// Whether this is a `message` packet rather than one of the engine's own, which are never compressed.
    var isApplicationMessage: Bool {
        head.isBinary || head.isCompressed || head.payload.first == UInt8(ascii: "4")
    }
}
