// Part of socketio-server, MIT licence; see LICENSE.

// Short constructors, one per type of member, so that the table reads as a table.
extension SettingDefinition {
    static func number(
        _ key: String, _ path: any WritableKeyPath<Settings, Int> & Sendable, _ range: ClosedRange<Int>,
        unit: String? = nil, _ summary: String
    ) -> Self {
        Self(
            key: key, kind: .number(range), isOptional: false, unit: unit, summary: summary, isSecret: false,
            read: { .number($0[keyPath: path]) },
            assign: { value, settings in
                if case .number(let number) = value { settings[keyPath: path] = number }
            })
    }

    static func optionalNumber(
        _ key: String, _ path: any WritableKeyPath<Settings, Int?> & Sendable, _ range: ClosedRange<Int>,
        unit: String? = nil, _ summary: String
    ) -> Self {
        Self(
            key: key, kind: .number(range), isOptional: true, unit: unit, summary: summary, isSecret: false,
            read: { $0[keyPath: path].map(SettingValue.number) ?? .unset },
            assign: { value, settings in
                if case .number(let number) = value { settings[keyPath: path] = number }
                if case .unset = value { settings[keyPath: path] = nil }
            })
    }

    static func flag(
        _ key: String, _ path: any WritableKeyPath<Settings, Bool> & Sendable, _ summary: String
    ) -> Self {
        Self(
            key: key, kind: .flag, isOptional: false, unit: nil, summary: summary, isSecret: false,
            read: { .flag($0[keyPath: path]) },
            assign: { value, settings in
                if case .flag(let flag) = value { settings[keyPath: path] = flag }
            })
    }

    static func text(
        _ key: String, _ path: any WritableKeyPath<Settings, String> & Sendable, allowed: String, _ summary: String,
        rule: @escaping @Sendable (String) -> Bool
    ) -> Self {
        Self(
            key: key, kind: .text(allowed: allowed, rule: rule), isOptional: false, unit: nil, summary: summary,
            isSecret: false,
            read: { .text($0[keyPath: path]) },
            assign: { value, settings in
                if case .text(let text) = value { settings[keyPath: path] = text }
            })
    }

    static func optionalText(
        _ key: String, _ path: any WritableKeyPath<Settings, String?> & Sendable, allowed: String, secret: Bool = false,
        _ summary: String, rule: @escaping @Sendable (String) -> Bool
    ) -> Self {
        Self(
            key: key, kind: .text(allowed: allowed, rule: rule), isOptional: true, unit: nil, summary: summary,
            isSecret: secret,
            read: { $0[keyPath: path].map(SettingValue.text) ?? .unset },
            assign: { value, settings in
                if case .text(let text) = value { settings[keyPath: path] = text }
                if case .unset = value { settings[keyPath: path] = nil }
            })
    }

    static func choice<Word: RawRepresentable<String> & CaseIterable & Sendable>(
        _ key: String, _ path: any WritableKeyPath<Settings, Word> & Sendable,
        refusal: (@Sendable (String) -> String)? = nil, _ summary: String
    ) -> Self {
        Self(
            key: key, kind: .choice(Word.allCases.map(\.rawValue), refusal: refusal), isOptional: false, unit: nil,
            summary: summary, isSecret: false,
            read: { .text($0[keyPath: path].rawValue) },
            assign: { value, settings in
                if case .text(let text) = value, let word = Word(rawValue: text) { settings[keyPath: path] = word }
            })
    }

    static func list(
        _ key: String, _ path: any WritableKeyPath<Settings, [String]> & Sendable, secret: Bool = false,
        _ summary: String
    ) -> Self {
        Self(
            key: key, kind: .list([]), isOptional: false, unit: nil, summary: summary, isSecret: secret,
            read: { .list($0[keyPath: path]) },
            assign: { value, settings in
                if case .list(let items) = value { settings[keyPath: path] = items }
            })
    }

    static func choices<Word: RawRepresentable<String> & CaseIterable & Sendable>(
        _ key: String, _ path: any WritableKeyPath<Settings, [Word]> & Sendable, _ summary: String
    ) -> Self {
        Self(
            key: key, kind: .list(Word.allCases.map(\.rawValue)), isOptional: false, unit: nil, summary: summary,
            isSecret: false,
            read: { .list($0[keyPath: path].map(\.rawValue)) },
            assign: { value, settings in
                if case .list(let items) = value { settings[keyPath: path] = items.compactMap(Word.init(rawValue:)) }
            })
    }
}
