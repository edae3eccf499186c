// Part of socketio-server, MIT licence; see LICENSE.

/// One row of the table of settings: how it is called, what it may be, where it goes in `Settings`.
///
/// File keys, environment variables, flags, the manual and the checks of all of them come from here.
struct SettingDefinition: Sendable {
    /// What values a setting takes.
    enum Kind: Sendable {
        /// Any text for which the rule returns true; the description of the rule is shown to people.
        case text(allowed: String, rule: @Sendable (String) -> Bool)
        case number(ClosedRange<Int>)
        case flag
        /// One of these words. `refusal` says why another word is refused; nil uses the common sentence.
        case choice([String], refusal: (@Sendable (String) -> String)?)
        /// Any number of texts; of these words only, when there are any.
        case list([String])
    }

    /// Path in the file, with dots: `cors.maxAgeSeconds`.
    let key: String
    let kind: Kind
    /// Whether it may be left without a value.
    let isOptional: Bool
    /// `ms`, `bytes`, `s`; nil for values that have none.
    let unit: String?
    /// One or two sentences for the manual.
    let summary: String
    /// Masked wherever settings are shown, and not accepted as a flag, since other users of a machine can see flags.
    let isSecret: Bool

    let read: @Sendable (Settings) -> SettingValue
    let assign: @Sendable (SettingValue, inout Settings) -> Void
    /// What people are shown of a text that may hold something secret.
    var mask: @Sendable (String) -> String = { $0 }

    var components: [String] { key.split(separator: ".").map(String.init) }
    var defaultValue: SettingValue { read(Settings()) }

    /// `SOCKETIO_CORS_MAX_AGE_SECONDS`.
    var environmentName: String {
        "SOCKETIO_" + components.map { Self.words($0).joined(separator: "_").uppercased() }.joined(separator: "_")
    }

    /// `--cors-max-age-seconds`; nil for secrets.
    var flagName: String? { isSecret ? nil : "--" + flagStem }

    /// `cors-max-age-seconds`.
    var flagStem: String {
        components.map { Self.words($0).joined(separator: "-").lowercased() }.joined(separator: "-")
    }

    /// A value of it for people, with what is secret masked.
    func shown(_ value: SettingValue) -> String {
        guard case .text(let text) = value else { return isSecret && value != .unset ? "***" : value.yaml }
        return isSecret ? "***" : SettingValue.text(mask(text)).yaml
    }

    /// Whether it is a list.
    var takesMany: Bool {
        if case .list = kind { return true }
        return false
    }

    /// The values it takes, for people.
    var allowed: String {
        let values =
            switch kind {
            case .text(let allowed, _): allowed
            case .number(let range): "\(range.lowerBound) to \(range.upperBound)" + (unit.map { " (\($0))" } ?? "")
            case .flag: "true, false"
            case .choice(let words, _): words.joined(separator: ", ")
            case .list(let words):
                words.isEmpty ? "a list of texts" : "a list of " + words.joined(separator: ", ")
            }
        return isOptional ? values + ", or nothing" : values
    }

    /// `maxHttpBufferSize` → `max`, `Http`, `Buffer`, `Size`: the word boundaries that swift-configuration sees too.
    private static func words(_ component: String) -> [String] {
        var words: [String] = []
        var word = ""
        for character in component {
            if character.isUppercase, word.last?.isLowercase == true {
                words.append(word)
                word = ""
            }
            word.append(character)
        }
        words.append(word)
        return words
    }
}

/// A value as it was written, before anybody knows what it should be.
enum RawSetting: Equatable, Sendable {
    case scalar(String)
    case list([String])
}

/// A value that fits its definition.
enum SettingValue: Equatable, Sendable {
    case unset
    case text(String)
    case number(Int)
    case flag(Bool)
    case list([String])

    /// As it is written in a YAML file.
    var yaml: String {
        switch self {
        case .unset: "null"
        case .text(let text): Self.quoted(text)
        case .number(let number): "\(number)"
        case .flag(let flag): "\(flag)"
        case .list(let items): "[" + items.map(Self.quoted).joined(separator: ", ") + "]"
        }
    }

    private static func quoted(_ text: String) -> String {
        // Words of plain letters need no quotes, unless YAML takes them for something else.
        let plain = text.unicodeScalars.allSatisfy { $0.isASCII && ($0.properties.isAlphabetic) }
        let reserved = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"].contains(text.lowercased())
        guard !plain || reserved || text.isEmpty else { return text }
        return "\"" + text.escaping("\\\"") + "\""
    }
}
