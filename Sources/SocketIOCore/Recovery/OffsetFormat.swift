// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// How positions are written as the offsets that clients keep and send back (protocol 4.12.1, 5.2, 5.8).
package enum OffsetFormat: Sendable, Hashable {
    /// `<boot id>-<count in base 36>`: the boot id tells apart the counts of servers and of restarts.
    case memory(bootID: BootID)
    /// `<milliseconds>-<sequence>`, the id of an entry.
    case stream

    /// The longest offset that is looked at; clients may send anything.
    private static let maximumLength = 48

    /// The offset of a position. It needs no escaping in JSON, and up to 15 bytes it takes no memory of its own.
    package func text(_ position: EventPosition) -> String {
        switch self {
        case .memory(let bootID): "\(bootID.text)-\(String(position.low, radix: 36))"
        case .stream: "\(position.high)-\(position.low)"
        }
    }

    /// The position that a client names. It need not be one that was given out.
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

    /// Digits only: `UInt64.init` also takes a sign.
    private static func number(_ text: String, radix: Int) -> UInt64? {
        guard let first = text.utf8.first, first != UInt8(ascii: "+") else { return nil }
        return UInt64(text, radix: radix)
    }
}

/// Six letters and digits that tell one run of a server from every other.
package struct BootID: Sendable, Hashable {
    package let text: String
    private static let length = 6
    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// Nil for a text of another form.
    package init?(_ text: String) {
        guard text.utf8.count == Self.length, text.utf8.allSatisfy(Self.alphabet.contains) else { return nil }
        self.text = text
    }

    /// A new one; about 36 bits are random.
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
    /// What stands before and after the only occurrence of a byte.
    fileprivate func halves(around byte: UInt8) -> (String, String)? {
        guard let place = utf8.firstIndex(of: byte), utf8.lastIndex(of: byte) == place else { return nil }
        return (String(self[..<place]), String(self[utf8.index(after: place)...]))
    }
}
