// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// Reads the acknowledgements and deliveries of one part: exactly the bytes which a correct server sends. With connection state
/// recovery that is one argument more behind an event, the offset.
final class IncomingPacket {
    enum Event: Equatable {
        case delivery(MessageStamp)
        /// Begins like a delivery, but the payload is not what was sent.
        case damaged
        /// Some other event of the application.
        case other
    }

    private let deliveryStart: [UInt8]
    private let acknowledgementStart: [UInt8]
    private let blank: [UInt8]

    init(event: String, namespace: String, size: Int) {
        deliveryStart = Array("42\(namespace)[\(JSONText.quoted(event)),\"".utf8)
        acknowledgementStart = Array("43\(namespace)".utf8)
        blank = MessageStamp.blank(size: size)
    }

    /// Reads an EVENT.
    func readEvent(_ bytes: UnsafeBufferPointer<UInt8>) -> Event {
        guard Self.starts(bytes, with: deliveryStart) else { return .other }
        return payload(bytes, from: deliveryStart.count).map(Event.delivery) ?? .damaged
    }

    /// Reads an ACK: its id, and the stamp when it carries a payload of ours.
    func readAcknowledgement(_ bytes: UnsafeBufferPointer<UInt8>) -> (id: UInt32, stamp: MessageStamp?)? {
        guard Self.starts(bytes, with: acknowledgementStart) else { return nil }
        var index = acknowledgementStart.count
        var id: UInt64 = 0
        let first = index
        while index < bytes.count, index - first < 10, case let digit = bytes[index] &- 48, digit < 10 {
            id = id * 10 + UInt64(digit)
            index += 1
        }
        guard index > first, let id = UInt32(exactly: id) else { return nil }
        guard index + 1 < bytes.count, bytes[index] == UInt8(ascii: "["), bytes[index + 1] == UInt8(ascii: "\"") else {
            return (id, nil)
        }
        return (id, payload(bytes, from: index + 2))
    }

    private func payload(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> MessageStamp? {
        guard let base = bytes.baseAddress, bytes.count >= start + blank.count,
            Self.isEnd(bytes[(start + blank.count)...])
        else { return nil }
        let filling = blank.count - MessageStamp.length
        let isUnharmed = blank.withUnsafeBytes { expected in
            guard let expectedBase = expected.baseAddress else { return false }
            return memcmp(base + start + MessageStamp.length, expectedBase + MessageStamp.length, filling) == 0
        }
        return isUnharmed ? MessageStamp.read(base + start) : nil
    }

    /// `"]`, or with an offset `","1234-0"]`.
    private static func isEnd(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        let quote = UInt8(ascii: "\"")
        guard bytes.count >= 2, bytes.first == quote, bytes.last == UInt8(ascii: "]") else { return false }
        let offset = bytes.dropFirst().dropLast()
        if offset.isEmpty { return true }
        return offset.count >= 4 && offset.starts(with: ",\"".utf8) && offset.last == quote
            && !offset.dropFirst(2).dropLast().contains { $0 == quote || $0 == UInt8(ascii: "\\") }
    }

    private static func starts(_ bytes: UnsafeBufferPointer<UInt8>, with start: [UInt8]) -> Bool {
        guard bytes.count >= start.count, let base = bytes.baseAddress else { return false }
        return start.withUnsafeBytes { expected in
            expected.baseAddress.map { memcmp(base, $0, start.count) == 0 } ?? true
        }
    }
}
