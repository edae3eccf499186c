// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Yams

/// A settings file compared with the table: which values stand where, and all that is wrong with them.
///
/// swift-configuration reads the values that are used; this reads the same text once more because only the YAML tree
/// knows lines, columns and keys that nobody asks for.
struct SettingsFile {
    /// Where the value of each known key stands.
    private(set) var positions: [String: SettingSource] = [:]
    private(set) var problems: [SettingProblem] = []
    /// Whether it has any keys; one with nothing but comments has none.
    private(set) var hasKeys = false

    private let path: String

    init(path: String) {
        self.init(text: try? String(contentsOfFile: path, encoding: .utf8), path: path)
    }

    /// - Parameters:
    ///   - text: the text of the file; nil when it could not be read.
    ///   - path: the path of the file, for the problems.
    init(text: String?, path: String) {
        self.path = path
        guard let text else {
            let reason =
                FileManager.default.fileExists(atPath: path) ? "it is not readable as UTF-8 text" : "no such file"
            report("cannot read the settings: \(reason)", key: nil, mark: nil)
            return
        }
        do {
            guard let root = try Yams.Parser(yaml: text).singleRoot(), root.null == nil else { return }
            guard let mapping = root.mapping else {
                report("expected keys with values, such as 'port: 3000'", key: nil, mark: root.mark)
                return
            }
            hasKeys = !mapping.isEmpty
            check(mapping, under: [])
        } catch {
            report(error)
        }
    }

    private mutating func check(_ mapping: Node.Mapping, under prefix: [String]) {
        for (keyNode, value) in mapping {
            guard let name = keyNode.string else {
                report("a key must be a word", key: prefix.joined(separator: "."), mark: keyNode.mark)
                continue
            }
            let components = prefix + [name]
            let key = components.joined(separator: ".")
            if let setting = SettingTable.byKey[key] {
                check(value, for: setting, keyMark: keyNode.mark)
            } else if SettingTable.all.contains(where: { $0.key.hasPrefix(key + ".") }) {
                // `tls:` with all its lines commented out has no value, which is as good as none of its keys.
                guard value.null == nil else { continue }
                if let children = value.mapping {
                    check(children, under: components)
                } else {
                    let instead = Self.instead(of: value, for: key).map { "; write '\(key): {\($0)}'" } ?? ""
                    report(
                        "expected keys below it, found a value" + instead, key: key, mark: value.mark ?? keyNode.mark)
                }
            } else {
                let answer = NodeOptions.answer(for: key) { $0.key }
                let hint = Self.suggestion(for: name, under: prefix).map { "; did you mean '\($0)'?" } ?? ""
                report(answer ?? "unknown key" + hint, key: key.escapingControlCharacters(), mark: keyNode.mark)
            }
        }
    }

    private mutating func check(_ value: Node, for setting: SettingDefinition, keyMark: Mark?) {
        let mark = value.mark ?? keyMark
        positions[setting.key] = source(mark)
        if value.null != nil {
            // Says so instead of taking it for an empty text: `port:` is more likely an accident than a wish.
            if !setting.isOptional {
                report("has no value; allowed: \(setting.allowed)", key: setting.key, mark: mark)
            }
            return
        }
        let raw: RawSetting
        if let scalar = value.scalar {
            raw = .scalar(scalar.string)
        } else if let sequence = value.sequence {
            let items = sequence.map { $0.scalar?.string }
            guard items.allSatisfy({ $0 != nil }) else {
                report(
                    "the list may hold single values only; allowed: \(setting.allowed)", key: setting.key, mark: mark)
                return
            }
            raw = .list(items.compactMap { $0 })
        } else {
            report("expected a value, found keys; allowed: \(setting.allowed)", key: setting.key, mark: mark)
            return
        }
        do {
            _ = try setting.parse(raw)
        } catch {
            report(error.message, key: setting.key, mark: mark)
        }
    }

    /// The keys that say what a value means which stands where a section belongs, as in `cors: "*"`.
    private static func instead(of value: Node, for key: String) -> String? {
        guard let text = value.scalar?.string, text.utf8.count <= 60 else { return nil }
        return NodeOptions.section(key, value: text.escapingControlCharacters())
    }

    /// A key of the same section, or one that has this name in another section.
    private static func suggestion(for name: String, under prefix: [String]) -> String? {
        let start = prefix.map { $0 + "." }.joined()
        let siblings = SettingTable.all.filter { $0.key.hasPrefix(start) }
            .map { String($0.key.dropFirst(start.count).prefix { $0 != "." }) }
        if let near = Suggestion.nearest(to: name, among: siblings) { return start + near }
        let elsewhere = SettingTable.all.first { $0.components.last?.lowercased() == name.lowercased() }
        return elsewhere?.key ?? Suggestion.nearest(to: start + name, among: SettingTable.all.map(\.key))
    }

    private func source(_ mark: Mark?) -> SettingSource {
        .file(path: path, line: mark?.line ?? 1, column: mark?.column ?? 1)
    }

    private mutating func report(_ message: String, key: String?, mark: Mark?) {
        problems.append(SettingProblem(source: source(mark), key: key?.isEmpty == true ? nil : key, message: message))
    }

    private mutating func report(_ error: any Error) {
        switch error {
        case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _):
            report("broken YAML: \(problem)", key: nil, mark: mark)
        case YamlError.duplicatedKeysInMapping(let duplicates, let context):
            let keys = duplicates.map { "'\($0.escapingControlCharacters())'" }.sorted().joined(separator: ", ")
            report("written more than once: \(keys)", key: nil, mark: context.mark)
        case YamlError.reader(let problem, _, _, _):
            report("broken YAML: \(problem)", key: nil, mark: nil)
        default:
            report("broken YAML", key: nil, mark: nil)
        }
    }
}
