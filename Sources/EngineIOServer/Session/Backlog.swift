// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// Messages that wait for a busy transport, in order. Empty it costs no memory beyond one reference.
struct Backlog {
    /// Counted for each message beside its bytes, so that a flood of tiny messages is bounded too.
    static let messageOverhead = 64

    /// Of one backlog alone.
    private final class Waiting {
        var messages: [OutboundMessage] = []
        var start = 0
        var bytes = 0

        func drop(_ index: Int) {
            guard index == start else {
                messages.remove(at: index)
                return
            }
            messages[start] = OutboundMessage(head: .noop)
            start += 1
            if start > 64, start * 2 > messages.count {
                messages.removeFirst(start)
                start = 0
            }
        }
    }

    /// Nil when nothing waits.
    private var waiting: Waiting?

    var isEmpty: Bool { waiting == nil }

    var bytes: Int { waiting?.bytes ?? 0 }

    static func cost(of message: OutboundMessage) -> Int { message.frameBytes + messageOverhead }

    mutating func append(_ message: OutboundMessage) {
        let waiting = self.waiting ?? Waiting()
        self.waiting = waiting
        waiting.messages.append(message)
        waiting.bytes += Self.cost(of: message)
    }

    /// Everything, leaving the backlog empty.
    mutating func takeAll() -> ArraySlice<OutboundMessage> {
        guard let waiting else { return [] }
        self.waiting = nil
        return waiting.messages[waiting.start...]
    }

    /// Drops the oldest application message; false when there is none. Engine packets stay: without its ping a client
    /// would be lost.
    mutating func dropOldest() -> Bool {
        guard let waiting else { return false }
        guard let index = waiting.messages[waiting.start...].firstIndex(where: \.isApplicationMessage) else {
            return false
        }
        waiting.bytes -= Self.cost(of: waiting.messages[index])
        waiting.drop(index)
        if waiting.start == waiting.messages.count { self.waiting = nil }
        return true
    }
}

extension OutboundMessage {
    /// Whether this is a `message` packet rather than one of the engine's own, which are never compressed.
    var isApplicationMessage: Bool {
        head.isBinary || head.isCompressed || head.payload.first == UInt8(ascii: "4")
    }
}
