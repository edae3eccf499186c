// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// How a position is written as the offset that a client keeps and sends back (protocol 4.12.1, 5.2, 5.8).
package enum OffsetFormat: Sendable, Hashable {
    /// `<boot id>-<count in base 36>`. The boot id distinguishes the counts of different servers and of restarts.
    case memory(bootID: BootID)
    /// `<milliseconds>-<sequence>`, the id of an entry of a stream.
    case stream

    /// A longer offset is refused without being parsed; clients may send anything.
    private static let maximumLength = 48
    private static let maximumMarkedLength = maximumLength + EarlyMark.maximumLength

    /// The offset of a position. It needs no escaping in JSON; up to 15 bytes it needs no allocation.
    package func text(_ position: EventPosition) -> String {
        switch self {
        case .memory(let bootID): "\(bootID.text)-\(String(position.low, radix: 36))"
        case .stream: "\(position.high)-\(position.low)"
        }
    }

    /// The position that a client's offset names. It may be one that was never given out.
    package func position(_ text: String) throws(RecoveryFailure) -> EventPosition {
        guard text.utf8.count <= Self.maximumLength, let (first, second) = text.halves(around: UInt8(ascii: "-")) else {
            throw .malformedOffset
        }
        switch self {
        case .memory(let bootID):
            guard BootID(first) != nil, let count = Self.number(second, radix: 36) else { throw .malformedOffset }
            guard first.hasSameBytes(as: bootID.text) else { throw .unknownOffset }
            return EventPosition(count)
        case .stream:
            guard let high = Self.number(first, radix: 10), let low = Self.number(second, radix: 10) else {
                throw .malformedOffset
            }
            return EventPosition(high: high, low: low)
        }
    }

    /// The offset of a position while messages have been delivered early.
    package func text(_ position: EventPosition, _ early: EarlyMark?) -> String {
        guard let early else { return text(position) }
        return text(position) + early.text
    }

    /// The position and, behind it in a stream's offset, what the client has got early.
    package func read(_ text: String) throws(RecoveryFailure) -> (EventPosition, EarlyMark?) {
        guard case .stream = self, let place = text.utf8.firstIndex(of: EarlyMark.separator) else {
            return (try position(text), nil)
        }
        guard text.utf8.count <= Self.maximumMarkedLength, let mark = EarlyMark(text[place...]) else {
            throw .malformedOffset
        }
        return (try position(String(text[..<place])), mark)
    }

    /// Parses digits only: `UInt64.init` also accepts a sign.
    private static func number(_ text: String, radix: Int) -> UInt64? {
        guard let first = text.utf8.first, first != UInt8(ascii: "+") else { return nil }
        return UInt64(text, radix: radix)
    }
}

/// Six letters and digits that distinguish one run of a server from every other.
package struct BootID: Sendable, Hashable {
    package let text: String
    private static let length = 6
    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// Nil for a text that has another form.
    package init?(_ text: String) {
        guard text.utf8.count == Self.length, text.utf8.allSatisfy(Self.alphabet.contains) else { return nil }
        self.text = text
    }

    /// A new id, with about 36 random bits.
    package init(using rng: inout some RandomNumberGenerator) {
        let alphabet = Self.alphabet
        text = String(
            decoding: (0..<Self.length).map { _ in alphabet[Int(rng.next(upperBound: UInt64(alphabet.count)))] },
            as: UTF8.self)
    }

    package static func == (left: BootID, right: BootID) -> Bool { left.text.hasSameBytes(as: right.text) }

    package func hash(into hasher: inout Hasher) { hasher.combine(ExactName(text)) }
}

extension String {
    /// The text before and after a byte, if the byte occurs exactly once.
    fileprivate func halves(around byte: UInt8) -> (String, String)? {
        guard let place = utf8.firstIndex(of: byte), utf8.lastIndex(of: byte) == place else { return nil }
        return (String(self[..<place]), String(self[utf8.index(after: place)...]))
    }
}
