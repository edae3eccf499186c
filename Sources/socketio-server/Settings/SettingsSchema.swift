// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

/// The settings file as a JSON schema, with which editors complete and check it: `config/settings.schema.json`.
enum SettingsSchema {
    /// JSON with sorted keys, without a line end.
    static let text = document.prettyJSON

    private static var document: SocketValue {
        var object = section([])
        object["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        object["title"] = "Settings of socketio-server"
        return .object(object)
    }

    /// The keys below a section, which is empty for the whole file. A section without a value is as good as none.
    private static func section(_ parents: [String]) -> SocketObject {
        var properties: SocketObject = [:]
        for setting in SettingTable.all where setting.components.starts(with: parents) {
            let rest = setting.components.dropFirst(parents.count)
            guard let name = rest.first, properties[name] == nil else { continue }
            properties[name] = rest.count == 1 ? value(setting) : .object(section(parents + [name]))
        }
        return [
            "type": parents.isEmpty ? "object" : ["object", "null"], "additionalProperties": false,
            "properties": .object(properties),
        ]
    }

    private static func value(_ setting: SettingDefinition) -> SocketValue {
        var object: SocketObject = [
            "description": .string(setting.summary + " Allowed: " + setting.allowed + "."),
            "default": setting.json(setting.defaultValue),
        ]
        switch setting.kind {
        case .text: object["type"] = type("string", setting)
        case .number(let range):
            object["type"] = type("integer", setting)
            object["minimum"] = .int(Int64(range.lowerBound))
            object["maximum"] = .int(Int64(range.upperBound))
        case .flag: object["type"] = type("boolean", setting)
        case .choice(let words, _):
            // YAML reads 'true' and 'false' without quotes as what they are.
            let flags = words.compactMap { Bool($0).map(SocketValue.bool) }
            object["enum"] = .array(words.map(SocketValue.string) + flags + (setting.isOptional ? [.null] : []))
        case .list(let words):
            let items: SocketValue =
                words.isEmpty ? ["type": "string"] : ["enum": .array(words.map(SocketValue.string))]
            // A single text stands for a list of one.
            object["anyOf"] = [["type": "array", "items": items, "uniqueItems": true], items]
        }
        return .object(object)
    }

    private static func type(_ name: SocketValue, _ setting: SettingDefinition) -> SocketValue {
        setting.isOptional ? .array([name, "null"]) : name
    }
}
