// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore

/// A kind of messages that our parser reads otherwise than socket.io-parser 4.2.1, and why.
struct ParserDifference: Sendable {
    struct Case {
        var messages: [PacketMessage]
        /// What became of them, here and there.
        var ours: String
        var theirs: String
        /// Why ours refused.
        var error: PacketDecodingError?

        var texts: [String] { messages.compactMap { if case .text(let text) = $0 { text } else { nil } } }

        /// How many placeholders were sent, as far as they can be seen.
        var placeholders: Int {
            texts.reduce(0) {
                $0 + $1.split(separator: "\"_placeholder\":true", omittingEmptySubsequences: false).count - 1
            }
        }

        /// How many values are binary there.
        var binaryValues: Int {
            ["[b", ",b", "=b"].reduce(0) {
                $0 + theirs.split(separator: $1, omittingEmptySubsequences: false).count - 1
            }
        }

        /// Whether there a value inside the data is undefined.
        var holdsUndefined: Bool { ["[u", ",u", "=u"].contains { theirs.contains($0) } }

        /// The message that was refused, if one was.
        func refusal(in result: String) -> Substring? {
            result.split(separator: "!", omittingEmptySubsequences: false).dropFirst().last
        }
    }

    let name: String
    let reason: String
    /// The least that differs.
    let example: [PacketMessage]
    /// Whether it is the reason for a difference that has been found.
    let explains: @Sendable (Case) -> Bool

    static let all: [ParserDifference] = [
        ParserDifference(
            name: "event without data",
            reason: "There it has no name and reaches nobody; here it is a violation of the protocol.",
            example: [.text("2")]
        ) { found in
            switch found.error {
            case .unexpectedPayload(.event), .unexpectedPayload(.binaryEvent):
                found.texts.contains { $0.unicodeScalars.afterHeader?.isEmpty ?? false }
            default: false
            }
        },
        ParserDifference(
            name: "type that is no digit",
            reason: "JavaScript turns nothing and white space into the number 0, which is CONNECT.",
            example: [.text(" ")]
        ) { found in
            switch found.error {
            case .empty: true
            case .unknownType(let byte): !(0x30...0x39).contains(byte)
            default: false
            }
        },
        ParserDifference(
            name: "number of attachments that is no decimal number",
            reason: "JavaScript reads 1e0, 0x1, +1 and blanks as numbers; the protocol has digits.",
            example: [.text("51e0-[\"a\"]"), .binary([1])]
        ) { $0.error == .malformedAttachmentCount },
        ParserDifference(
            name: "more than 10 attachments",
            reason: "Later versions of the parser have this limit as well.",
            example: [.text("511-[\"a\"]")]
        ) { $0.error == .tooManyAttachments(limit: 10) },
        ParserDifference(
            name: "reserved event name",
            reason: "Later versions of the parser refuse them as well.",
            example: [.text("2[\"connect\"]")]
        ) { $0.error == .reservedEventName },
        ParserDifference(
            name: "acknowledgement id above 2^53 - 1",
            reason: "JavaScript cannot tell such numbers apart; here they are refused.",
            example: [.text("29007199254740992[\"a\"]")]
        ) { $0.error == .ackIDTooLarge },
        ParserDifference(
            name: "white space where an id may stand",
            reason: "JavaScript turns white space into the number 0, so there it is an id; here JSON begins with it.",
            example: [.text("2 [\"a\"]")]
        ) { found in
            found.texts.contains { text in
                guard let rest = text.unicodeScalars.afterHeader else { return false }
                return rest.first.map { $0.properties.isWhitespace || $0 == "\u{FEFF}" } ?? false
            }
        },
        ParserDifference(
            name: "attachment whose number is no integer",
            reason: "There it becomes undefined.",
            example: [.text("51-[\"a\",{\"_placeholder\":true,\"num\":0.5}]"), .binary([1])]
        ) { $0.error == .invalidPlaceholder && $0.holdsUndefined },
        ParserDifference(
            name: "wrong attachment in a member that another of its name replaces",
            reason:
                "There it is gone before attachments are looked for; here the text is passed on as it is, with both.",
            example: [
                .text("51-[\"a\",{\"b\":{\"_placeholder\":true,\"num\":9},\"b\":1}]"), .binary([1]),
            ]
        ) { $0.error == .invalidPlaceholder && !$0.holdsUndefined && $0.placeholders > $0.binaryValues },
        ParserDifference(
            name: "CONNECT with an array or null",
            reason: "Both are objects for JavaScript; here it has an object or nothing, as later versions have it.",
            example: [.text("0[]")]
        ) { $0.error == .unexpectedPayload(.connect) },
        ParserDifference(
            name: "CONNECT_ERROR with an array or null",
            reason: "As for CONNECT. Clients may not send it at all.",
            example: [.text("4null")]
        ) { $0.error == .unexpectedPayload(.connectError) },
        ParserDifference(
            name: "more than 128 levels",
            reason: "There the limit is the stack.",
            example: [.text("2[\"a\"," + String(repeating: "[", count: 128) + String(repeating: "]", count: 128) + "]")]
        ) { $0.error == .nestedTooDeep(limit: 128) },
        ParserDifference(
            name: "namespace of more than 512 bytes",
            reason: "There it has no limit.",
            example: [.text("0/" + String(repeating: "a", count: 512))]
        ) { $0.error == .namespaceTooLong(limit: 512) },
        ParserDifference(
            name: "event name of more than 256 bytes",
            reason: "There it has no limit.",
            example: [.text("2[\"" + String(repeating: "a", count: 257) + "\"]")]
        ) { $0.error == .eventNameTooLong(limit: 256) },
        ParserDifference(
            name: "name of a member of more than 1,024 bytes",
            reason: "There it has no limit.",
            example: [.text("2[\"a\",{\"" + String(repeating: "a", count: 1025) + "\":1}]")]
        ) { $0.error == .keyTooLong(limit: 1024) },
        ParserDifference(
            name: "binary packet with no attachments",
            reason: "There it arms the parser, which then refuses the next text and swallows the next binary message.",
            example: [.text("50-[\"a\"]"), .text("2[\"b\"]")]
        ) { found in
            found.texts.contains { text in
                guard text.first == "5" || text.first == "6" else { return false }
                return text.dropFirst().prefix { $0 != "-" }.allSatisfy { $0 == "0" }
            }
        },
        ParserDifference(
            name: "names that differ in unpaired surrogates only",
            reason: "Swift's strings hold U+FFFD for each of them.",
            example: [.text("2[\"a\",{\"\\ud800\":1,\"\\udc00\":2}]")]
        ) { found in
            found.refusal(in: found.ours) == found.refusal(in: found.theirs)
                && found.texts.contains { $0.lowercased().contains("\\ud") }
        },
    ]
}

extension String.UnicodeScalarView {
    /// What stands behind type, attachments, namespace and the digits of an id; nil when there is no type.
    fileprivate var afterHeader: SubSequence? {
        guard let type = first, type >= "0", type <= "6" else { return nil }
        var rest = dropFirst()
        if type == "5" || type == "6" {
            rest = rest.drop { $0 >= "0" && $0 <= "9" }
            guard rest.first == "-" else { return nil }
            rest = rest.dropFirst()
        }
        if rest.first == "/" { rest = rest.drop { $0 != "," }.dropFirst() }
        return rest.drop { $0 >= "0" && $0 <= "9" }
    }
}
