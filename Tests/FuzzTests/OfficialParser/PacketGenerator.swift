// Part of socketio-server, MIT licence; see LICENSE.

/// One message of a client.
enum PacketMessage: Hashable {
    case text(String)
    case binary([UInt8])
}

/// Makes the messages of clients: some as the grammar has them, with faults here and there, others by changing recorded ones.
/// The same ones for the same seed.
struct PacketGenerator {
    private var random: FuzzRandom
    private let recorded: [[PacketMessage]]

    init(seed: String, recorded: [[PacketMessage]]) {
        self.random = FuzzRandom(seed.utf8)
        self.recorded = recorded
    }

    /// The messages of one client, one to five of them.
    mutating func next() -> [PacketMessage] {
        var messages: [PacketMessage] = []
        switch random.below(3) {
        case 0: messages = packet()
        case 1:
            messages = recorded[random.below(recorded.count)]
            change(&messages)
        default:
            messages = packet()
            change(&messages)
        }
        if random.below(8) == 0 { messages += packet() }
        return messages
    }

    // MARK: By the grammar

    private mutating func packet() -> [PacketMessage] {
        let type = ["0", "1", "2", "2", "2", "3", "3", "4", "5", "5", "6"][random.below(11)]
        var text = type
        var attachments = 0
        if type == "5" || type == "6" {
            attachments = random.below(4)
            text += "\(random.below(12) == 0 ? random.below(20) : attachments)-"
        }
        if random.below(3) == 0 { text += ["/", "/a", "/a/b?x=1", "/caf\u{E9}", "/-", "/5"][random.below(6)] + "," }
        if random.below(3) == 0 { text += "\([0, 1, 7, 12_345, 9_007_199_254_740_991][random.below(5)])" }
        switch type {
        case "0", "4": if random.below(3) > 0 { text += random.below(4) > 0 ? object(2, 0) : value(2, 0) }
        case "1": break
        default:
            if random.below(10) > 0 {
                let name = random.below(4) > 0 ? string() : value(1, attachments)
                text += "[\(([name] + list(3, attachments)).joined(separator: ","))]"
            }
        }
        let bytes = (0..<attachments).map { _ in PacketMessage.binary((0..<random.below(5)).map { UInt8($0) }) }
        return [.text(text)] + bytes
    }

    private mutating func value(_ depth: Int, _ attachments: Int) -> String {
        if attachments > 0, random.below(3) == 0 {
            let number = random.below(8) == 0 ? number() : "\(random.below(attachments))"
            return random.below(6) == 0
                ? "{\"num\":\(number),\"x\":\(value(0, 0)),\"_placeholder\":true}"
                : "{\"_placeholder\":true,\"num\":\(number)}"
        }
        switch random.below(depth > 0 ? 9 : 6) {
        case 0: return "null"
        case 1: return random.below(2) == 0 ? "true" : "false"
        case 2, 3: return number()
        case 4, 5: return string()
        case 6, 7: return "[\(list(depth - 1, attachments).joined(separator: ","))]"
        default: return object(depth - 1, attachments)
        }
    }

    private mutating func list(_ depth: Int, _ attachments: Int) -> [String] {
        (0..<random.below(4)).map { _ in value(depth, attachments) }
    }

    private mutating func object(_ depth: Int, _ attachments: Int) -> String {
        let members = (0..<random.below(4)).map { _ in "\(string()):\(value(depth, attachments))" }
        return "{\(members.joined(separator: ","))}"
    }

    private mutating func number() -> String {
        [
            "0", "-0", "1", "-1", "0.5", "1.0", "1e0", "-1.5e-3", "1E+2", "9007199254740993", "9223372036854775807",
            "18446744073709551616", "123456789012345678901234567890", "1e400", "-1e400", "1e-400", "5e-324", "0.1",
            "1.7976931348623157e308", "2.2250738585072011e-308",
        ][random.below(20)]
    }

    private mutating func string() -> String {
        [
            "\"a\"", "\"chat message\"", "\"\"", "\"caf\u{E9}\"", "\"cafe\u{301}\"", "\"\\u00e9\"",
            "\"\\ud83d\\ude00\"",
            "\"\u{1F600}\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\n\\/\\\\\\\"\"", "\"\u{2028}\u{FEFF}\"",
            "\"__proto__\"", "\"connect\"",
            "\"disconnect\"", "\"newListener\"", "\"error\"", "\"_placeholder\"", "\"num\"", "\"1\"", "\"constructor\"",
        ][random.below(21)]
    }

    // MARK: Changes

    private mutating func change(_ messages: inout [PacketMessage]) {
        for _ in 0...random.below(3) {
            guard !messages.isEmpty else { return }
            let index = random.below(messages.count)
            switch random.below(10) {
            case 0: messages.remove(at: index)
            case 1: messages.insert(messages[index], at: index)
            case 2: messages.insert(.binary([1, 2]), at: index)
            default:
                guard case .text(let text) = messages[index] else { continue }
                messages[index] = .text(changed(text))
            }
        }
    }

    /// What has a meaning somewhere in a packet.
    private static let pieces = [
        "0", "1", "5", "9", "-", "/", ",", "[", "]", "{", "}", "\"", ":", " ", "\t", "\n", "\u{A0}", "\u{FEFF}", "\\",
        "e", ".", "+",
        "x", "null", "true", "\u{0}", "\u{301}", "\u{E9}", "\\u0065", "\\ud800", "99999999999999999999",
        "{\"_placeholder\":true,\"num\":0}",
    ]

    private mutating func changed(_ text: String) -> String {
        var scalars = Array(text.unicodeScalars)
        let position = random.below(scalars.count + 1)
        switch random.below(4) {
        case 0 where position < scalars.count: scalars.remove(at: position)
        case 1 where position < scalars.count:
            scalars[position] = Self.pieces[random.below(Self.pieces.count)].unicodeScalars.first ?? "0"
        case 2:
            let start = random.below(scalars.count + 1)
            scalars.insert(contentsOf: scalars[start..<min(scalars.count, start + random.below(8))], at: position)
        default: scalars.insert(contentsOf: Self.pieces[random.below(Self.pieces.count)].unicodeScalars, at: position)
        }
        var changed = String.UnicodeScalarView()
        changed.append(contentsOf: scalars)
        return String(changed)
    }
}
