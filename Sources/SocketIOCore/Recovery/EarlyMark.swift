// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// How many events a node has delivered *early* in a namespace: while it could not reach the others, so before they had
/// their place in the order of all nodes (protocol 4.12.3, rule 12).
///
/// Until these events have their places, every offset that the node gives out ends with the mark. So it is known later
/// which of them the client has seen, although their positions are above its own.
package struct EarlyMark: Sendable, Hashable {
    /// The node's name in the namespace.
    package let node: String
    /// The number of the last one; the first is 1.
    package let number: UInt64

    package init(node: String, number: UInt64) {
        self.node = node
        self.number = number
    }

    static let separator = UInt8(ascii: "~")
    private static let maximumNodeLength = 64
    /// Bytes of a mark in an offset.
    static let maximumLength = 2 + maximumNodeLength + 20

    /// `~<node>~<number>`.
    var text: String { "~\(node)~\(number)" }

    /// Nil for a text of another form.
    init?(_ text: Substring) {
        let parts = text.utf8.split(separator: Self.separator, maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].isEmpty, (1...Self.maximumNodeLength).contains(parts[1].count),
            parts[1].allSatisfy(Self.isAllowed), let first = parts[2].first, first != UInt8(ascii: "+"),
            let number = UInt64(Substring(parts[2])), number > 0
        else { return nil }
        self.init(node: String(Substring(parts[1])), number: number)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    package static func == (left: EarlyMark, right: EarlyMark) -> Bool {
        left.number == right.number && left.node.hasSameBytes(as: right.node)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(number)
        hasher.combine(ExactName(node))
    }
}
