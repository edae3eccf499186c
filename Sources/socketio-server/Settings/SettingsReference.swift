// Part of socketio-server, MIT licence; see LICENSE.

/// The table of settings as people read it: the manual, the commented file, and the help of the command.
enum SettingsReference {
    /// `config/default.yaml`: every setting with its default and its explanation.
    static var yaml: String {
        var lines = [
            "# The settings of socketio-server with their defaults: a copy of this file is a good start for your own.",
            "# Environment variables and flags are stronger than the file. docs/configuration.md has them all.",
        ]
        for section in SettingTable.sections {
            lines += ["", "# " + section.title]
            var group: [String] = []
            for setting in section.settings {
                let parents = Array(setting.components.dropLast())
                let shared = zip(parents, group).prefix { $0 == $1 }.count
                for (depth, parent) in parents.enumerated().dropFirst(shared) {
                    lines.append(String(repeating: "  ", count: depth) + parent + ":")
                }
                group = parents
                let indent = String(repeating: "  ", count: parents.count)
                let text =
                    setting.summary + " Allowed: " + setting.allowed + ". Change: " + setting.reload.rawValue + "."
                lines += wrapped(text, width: 110).map { "\(indent)# \($0)" }
                let name = setting.components.last ?? setting.key
                lines.append("\(indent)\(name): \(setting.defaultValue.yaml)")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// `docs/configuration.md`.
    static var markdown: String {
        SettingsManual.introduction + SettingTable.sections.map(table).joined() + SettingsManual.end
    }

    /// What `help run` adds to the argument parser's own text.
    static var flagHelp: String {
        var lines = ["SETTINGS (flag, values, default):"]
        for section in SettingTable.sections {
            lines += ["", section.title]
            for setting in section.settings {
                guard let flag = setting.flagName else {
                    lines.append("  \(setting.environmentName) (environment or file only)")
                    lines += wrapped(setting.summary, width: 70).map { "      \($0)" }
                    continue
                }
                lines.append("  \(flag) <\(setting.allowed)> [\(setting.defaultValue.yaml)]")
                lines += wrapped(setting.summary.replacing("`", with: ""), width: 70).map { "      \($0)" }
            }
        }
        return lines.joined(separator: "\n")
    }

    private static func table(_ section: SettingTable.Section) -> String {
        var lines = [
            "## \(section.title)", "", "| key in the file | default | values | meaning |", "| --- | --- | --- | --- |",
        ]
        lines += section.settings.map { setting in
            let allowed = setting.allowed.replacing("|", with: "\\|")
            let secret = setting.isSecret ? " Secret: no flag, masked when shown." : ""
            let summary = setting.summary.replacing("|", with: "\\|")
            return "| `\(setting.key)` | `\(setting.defaultValue.yaml)` | \(allowed) | \(summary)\(secret) |"
        }
        lines += ["", "| key | environment variable | flag | change |", "| --- | --- | --- | --- |"]
        lines += section.settings.map { setting in
            let flag = setting.flagName.map { "`\($0)`" } ?? "none"
            return "| `\(setting.key)` | `\(setting.environmentName)` | \(flag) | \(setting.reload.rawValue) |"
        }
        return lines.joined(separator: "\n") + "\n\n"
    }

    private static func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + word.count < width {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}
