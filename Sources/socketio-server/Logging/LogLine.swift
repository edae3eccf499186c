// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging

/// One log message with all that belongs to it.
struct LogLine {
    var timestamp: String
    var level: Logger.Level
    var label: String
    var message: String
    var metadata: Logger.Metadata

    /// `2026-01-31T12:00:00.123Z info  listening  address=0.0.0.0:3000 adapter=memory`
    var text: String {
        let name = level.rawValue
        let padding = String(repeating: " ", count: max(1, 8 - name.count))
        var line = "\(timestamp) \(name)\(padding)\(message.escapingControlCharacters())"
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line += " \(key.escapingControlCharacters())=\(Self.quotedIfNeeded(Self.flat(value)))"
        }
        return line + "\n"
    }

    /// `{"timestamp":"…","level":"info","label":"…","message":"…","metadata":{…}}`
    var json: String {
        var line = "{\"timestamp\":\"\(timestamp)\",\"level\":\"\(level.rawValue)\",\"label\":"
        Self.appendString(label, to: &line)
        line += ",\"message\":"
        Self.appendString(message, to: &line)
        if !metadata.isEmpty {
            line += ",\"metadata\":"
            Self.appendJSON(.dictionary(metadata), to: &line)
        }
        return line + "}\n"
    }

    private static func flat(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): text
        case .stringConvertible(let convertible): convertible.description
        case .array(let items): "[" + items.map(flat).joined(separator: ", ") + "]"
        case .dictionary(let members):
            "{" + members.sorted { $0.key < $1.key }.map { "\($0.key): \(flat($0.value))" }.joined(separator: ", ")
                + "}"
        }
    }

    private static func quotedIfNeeded(_ text: String) -> String {
        let plain = !text.isEmpty && !text.utf8.contains { " \"=".utf8.contains($0) }
        let escaped = text.escapingControlCharacters()
        return plain ? escaped : "\"" + escaped.escaping("\"") + "\""
    }

    private static func appendJSON(_ value: Logger.MetadataValue, to line: inout String) {
        switch value {
        case .string(let text): appendString(text, to: &line)
        case .stringConvertible(let convertible): appendString(convertible.description, to: &line)
        case .array(let items):
            line += "["
            for (index, item) in items.enumerated() {
                if index > 0 { line += "," }
                appendJSON(item, to: &line)
            }
            line += "]"
        case .dictionary(let members):
            line += "{"
            for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { line += "," }
                appendString(member.key, to: &line)
                line += ":"
                appendJSON(member.value, to: &line)
            }
            line += "}"
        }
    }

    /// Adds a text as a JSON string.
    static func appendString(_ text: String, to line: inout String) {
        line += "\""
        line += text.escaping("\\\"").escapingControlCharacters()
        line += "\""
    }
}
