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
            var group: String?
            for setting in section.settings {
                let parent = setting.components.dropLast().first
                if let parent, parent != group { lines.append("\(parent):") }
                group = parent
                let indent = parent == nil ? "" : "  "
                lines += wrapped(setting.summary + " Allowed: " + setting.allowed + ".", width: 110)
                    .map { "\(indent)# \($0)" }
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
            return "| `\(setting.key)` | `\(setting.defaultValue.yaml)` | \(allowed) | \(setting.summary)\(secret) |"
        }
        lines += ["", "| key | environment variable | flag |", "| --- | --- | --- |"]
        lines += section.settings.map { setting in
            "| `\(setting.key)` | `\(setting.environmentName)` | \(setting.flagName.map { "`\($0)`" } ?? "none") |"
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
