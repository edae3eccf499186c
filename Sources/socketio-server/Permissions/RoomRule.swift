// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

/// One of `rooms.allow`: a pattern of room names, and what the claims of a client must have.
///
/// `team:{teams}:* role=admin|owner verified` lets a client join the rooms whose names begin with `team:`, one of its teams
/// and `:`, if its claim `role` is `admin` or `owner` and its claim `verified` is neither missing nor false.
struct RoomRule: Sendable, Equatable {
    /// Why a text is no rule: the rest of a sentence that begins with it.
    struct Malformed: Error, Equatable {
        let reason: String
    }

    /// A piece of the pattern, from left to right.
    private enum Piece: Sendable, Equatable {
        case literal([UInt8])
        /// `*`: any bytes, also none.
        case anything
        /// `{name}`: the value of a claim, or one of its values when it is a list.
        case claim(String)
    }

    private struct Condition: Sendable, Equatable {
        let claim: String
        /// The claim must have one of them; empty when it need only be there.
        let values: [[UInt8]]
    }

    /// More would make matching slow.
    private static let mostPieces = 16
    /// Of a claim that is a list, so many values are looked at.
    private static let mostValues = 256

    private let pieces: [Piece]
    private let conditions: [Condition]

    /// Reads a rule of the settings.
    ///
    /// - Throws: ``Malformed``.
    init(_ text: String) throws(Malformed) {
        let words = text.split(separator: " ").map(String.init)
        guard let pattern = words.first else { throw Malformed(reason: "is empty") }
        pieces = try Self.pieces(pattern)
        var conditions: [Condition] = []
        for word in words.dropFirst() {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let values = parts.count == 2 ? parts[1].split(separator: "|").map { Array($0.utf8) } : []
            guard !parts[0].isEmpty, parts.count == 1 || !values.isEmpty else {
                throw Malformed(reason: "has the condition '\(word)'; write claim, claim=value or claim=one|other")
            }
            conditions.append(Condition(claim: parts[0], values: values))
        }
        self.conditions = conditions
    }

    private static func pieces(_ pattern: String) throws(Malformed) -> [Piece] {
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        func end() { if !literal.isEmpty { pieces.append(.literal(literal)) } }
        var rest = Array(pattern.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "*"):
                end()
                literal = []
                if pieces.last != .anything { pieces.append(.anything) }
            case UInt8(ascii: "{"):
                guard let close = rest.firstIndex(of: UInt8(ascii: "}")), close > rest.startIndex else {
                    throw Malformed(reason: "has a '{' without the name of a claim and '}'")
                }
                end()
                literal = []
                pieces.append(.claim(String(decoding: rest[..<close], as: UTF8.self)))
                rest = rest[(close + 1)...]
            default: literal.append(byte)
            }
        }
        end()
        guard pieces.count <= mostPieces else { throw Malformed(reason: "has more than \(mostPieces) pieces") }
        // The id of each socket is a room, too, in which it gets what is meant for it alone.
        if pieces.count > 1 || pieces.first.map({ if case .literal = $0 { false } else { true } }) == true {
            guard case .literal(let start) = pieces.first, start.contains(where: { !isOfSocketID($0) }) else {
                throw Malformed(
                    reason:
                        "must begin with a part such as 'team:', with a ':', '.' or '/' before the first '*' or '{': "
                        + "otherwise it would match the ids of other sockets, which are rooms")
            }
        }
        return pieces
    }

    /// Whether a name could be the id of a socket: 20 characters of the alphabet of ids (`docs/protocol.md`).
    static func hasFormOfSocketID(_ name: String) -> Bool {
        name.utf8.count == 20 && name.utf8.allSatisfy { isOfSocketID($0) }
    }

    private static func isOfSocketID(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// Whether it lets a client with these claims join the room. Takes time in proportion to the length of the name.
    func allows(_ room: String, claims: SocketValue) -> Bool {
        guard conditions.allSatisfy({ Self.holds($0, claims) }) else { return false }
        let name = Array(room.utf8)
        // Where the pieces so far may end.
        var ends = [Bool](repeating: false, count: name.count + 1)
        ends[0] = true
        for piece in pieces {
            var next = [Bool](repeating: false, count: name.count + 1)
            switch piece {
            case .literal(let bytes): Self.advance(ends, by: bytes, in: name, &next)
            case .anything:
                guard let first = ends.firstIndex(of: true) else { return false }
                for index in first...name.count { next[index] = true }
            case .claim(let claim):
                for value in Self.texts(claims, claim) where !value.isEmpty {
                    Self.advance(ends, by: value, in: name, &next)
                }
            }
            ends = next
        }
        return ends[name.count]
    }

    private static func advance(_ ends: [Bool], by bytes: [UInt8], in name: [UInt8], _ next: inout [Bool]) {
        guard bytes.count <= name.count else { return }
        for start in 0...(name.count - bytes.count) where ends[start] {
            if name[start..<(start + bytes.count)].elementsEqual(bytes) { next[start + bytes.count] = true }
        }
    }

    private static func holds(_ condition: Condition, _ claims: SocketValue) -> Bool {
        guard let value = claim(claims, condition.claim), !value.isNull, value.bool != false else { return false }
        guard !condition.values.isEmpty else { return true }
        return texts(claims, condition.claim).contains { condition.values.contains($0) }
    }

    /// A claim by its name, or by a path with points: `realm_access.roles`.
    private static func claim(_ claims: SocketValue, _ name: String) -> SocketValue? {
        if let value = claims[name] { return value }
        guard name.utf8.contains(UInt8(ascii: ".")) else { return nil }
        return name.split(separator: ".").reduce(claims as SocketValue?) { $0?[String($1)] }
    }

    /// The values of a claim: texts, whole numbers, true and false, by themselves or in a list.
    private static func texts(_ claims: SocketValue, _ name: String) -> [[UInt8]] {
        guard let value = claim(claims, name) else { return [] }
        return (value.array ?? [value]).prefix(mostValues).compactMap { element in
            switch element {
            case .string(let text): Array(text.utf8)
            case .int(let number): Array("\(number)".utf8)
            case .bool(let flag): Array("\(flag)".utf8)
            default: nil
            }
        }
    }
}
