// Part of socketio-server, MIT licence; see LICENSE.

/// Why a written value is not taken: a sentence for the operator.
struct SettingRefusal: Error, Equatable {
    let message: String
}

extension SettingDefinition {
    /// Turns a written value into one that fits this setting, or says what is wrong and what is allowed.
    func parse(_ raw: RawSetting) throws(SettingRefusal) -> SettingValue {
        if isOptional, case .scalar(let text) = raw, ["", "null", "~"].contains(text) { return .unset }
        switch (kind, raw) {
        case (.list(let words), .list(let items)):
            return try parseList(items, words: words)
        case (.list(let words), .scalar(let text)):
            return try parseList([text], words: words)
        case (_, .list):
            throw refusal("expected a single value, found a list")
        case (.text(_, let rule), .scalar(let text)):
            guard rule(text) else { throw refusal("\(shown(text)) is not accepted") }
            return .text(text)
        case (.number(let range), .scalar(let text)):
            guard let number = Int(text.replacing("_", with: "")) else {
                throw refusal("expected a whole number, found \(shown(text))")
            }
            guard range.contains(number) else { throw refusal("\(number) is out of range") }
            return .number(number)
        case (.flag, .scalar(let text)):
            guard let flag = Bool(text.lowercased()) else {
                throw refusal("expected true or false, found \(shown(text))")
            }
            return .flag(flag)
        case (.choice(let words, let reason), .scalar(let text)):
            return .text(try checkWord(text, words: words, reason: reason))
        }
    }

    private func parseList(_ items: [String], words: [String]) throws(SettingRefusal) -> SettingValue {
        // `--cors-origin=` and an empty variable mean the empty list.
        let items = items.filter { !$0.isEmpty }
        for (index, item) in items.enumerated() {
            if !words.isEmpty { _ = try checkWord(item, words: words, reason: nil) }
            guard !items[..<index].contains(item) else { throw refusal("\(shown(item)) is in the list twice") }
        }
        if items.isEmpty, !words.isEmpty { throw refusal("the list is empty") }
        return .list(items)
    }

    private func checkWord(
        _ text: String, words: [String], reason: (@Sendable (String) -> String)?
    ) throws(SettingRefusal) -> String {
        guard !words.contains(text) else { return text }
        throw refusal(
            reason?(shown(text)) ?? "\(shown(text)) is not known",
            suggestion: Suggestion.nearest(to: text, among: words))
    }

    private func refusal(_ problem: String, suggestion: String? = nil) -> SettingRefusal {
        let hint = suggestion.map { "; did you mean '\($0)'?" } ?? ""
        return SettingRefusal(message: problem + "; allowed: \(allowed)" + hint)
    }

    /// What was written, short and on one line; a secret never.
    private func shown(_ text: String) -> String {
        guard !isSecret else { return "the value" }
        let start = text.prefix(60)
        return "'" + String(start).escapingControlCharacters() + (start.endIndex < text.endIndex ? "…" : "") + "'"
    }
}

extension String {
    /// The same text with control characters written as `\n`, `\t`, `\u001b`, so that it stays on its line.
    func escapingControlCharacters() -> String {
        guard unicodeScalars.contains(where: Self.needsEscape) else { return self }
        var result = ""
        for scalar in unicodeScalars {
            switch scalar {
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case let scalar where Self.needsEscape(scalar):
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// With a backslash before each of some ASCII characters. A quote with an accent is one `Character`, which is no quote: to look
    /// for characters would let it end the text for everybody else.
    func escaping(_ special: String) -> String {
        let special = Array(special.utf8)
        guard utf8.contains(where: { special.contains($0) }) else { return self }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(utf8.count + 16)
        for byte in utf8 {
            if special.contains(byte) { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// C0, DEL, C1 and the two Unicode line separators.
    private static func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || (0x2028...0x2029).contains(scalar.value)
    }
}
