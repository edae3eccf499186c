// Part of socketio-server, MIT licence; see LICENSE.

/// The place of an event in the history of its room (protocol 4.13).
///
/// The events of a room are numbered 1, 2, 3 and so on, the same for all clients and servers. The epoch is the name of the
/// numbering: when a history is lost, for example because it was kept in memory and the server has been restarted, a new
/// history with another epoch begins.
public struct RoomPosition: Sendable, Hashable {
    package let epoch: BootID
    /// The number of the event, from 1; 0 is the place before the first one. At most 2^53 - 1.
    public let number: UInt64

    /// The highest number. JavaScript and the scripts of Redis count no further.
    package static let maximumNumber: UInt64 = (1 << 53) - 1
    /// How many events a history may have lost at once, as in a failover: a number further above its newest one is not of this
    /// history.
    package static let maximumStep: UInt64 = 1 << 20
    /// An epoch, `-` and a number.
    private static let maximumLength = 6 + 1 + 16

    package init(epoch: BootID, number: UInt64) {
        self.epoch = epoch
        self.number = min(number, Self.maximumNumber)
    }

    /// The position that a client has sent back; nil for a text of another form.
    public init?(_ text: String) {
        guard text.utf8.count <= Self.maximumLength, let separator = text.utf8.firstIndex(of: UInt8(ascii: "-")) else {
            return nil
        }
        let digits = text.utf8[text.utf8.index(after: separator)...]
        guard let epoch = BootID(String(text[..<separator])), let first = digits.first, digits.allSatisfy(Self.isDigit),
            first != UInt8(ascii: "0") || digits.count == 1, let number = UInt64(String(Substring(digits))),
            number <= Self.maximumNumber
        else { return nil }
        self.init(epoch: epoch, number: number)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}

extension RoomPosition: CustomStringConvertible {
    /// The position as clients get it: epoch, `-` and number, for example `k3F9x2-17`.
    public var description: String { "\(epoch.text)-\(number)" }
}

extension RoomPosition: Codable {
    /// Reads the text of a position.
    ///
    /// - Throws: `DecodingError` for a text of another form.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let position = RoomPosition(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no position in a room's history")
        }
        self = position
    }

    /// Writes the position as its text.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
