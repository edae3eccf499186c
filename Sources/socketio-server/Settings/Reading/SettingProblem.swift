// Part of socketio-server, MIT licence; see LICENSE.

/// Where a value was written.
enum SettingSource: Equatable, Sendable, CustomStringConvertible {
    case file(path: String, line: Int, column: Int)
    case environment(String)
    case flag(String)
    case defaults

    var description: String {
        switch self {
        case .file(let path, let line, let column): "\(path):\(line):\(column)"
        case .environment(let name): "environment variable \(name)"
        case .flag(let name): (name.hasPrefix("-") ? "flag " : "argument ") + name
        case .defaults: "default"
        }
    }
}

/// One thing that is wrong with the settings.
struct SettingProblem: Equatable, Sendable, CustomStringConvertible {
    let source: SettingSource
    /// The path of the key it is about; nil when it is about no key, as with broken YAML.
    let key: String?
    let message: String

    /// Whether it may only be there because one of these keys has a value that cannot be used: it is about it, or names it.
    func mayComeFrom(_ unusable: [String]) -> Bool {
        unusable.contains { other in
            guard !other.isEmpty else { return false }
            if key == other || message.contains(other) { return true }
            guard let dot = other.lastIndex(of: "."), key?.hasPrefix(other[...dot]) == true else { return false }
            return message.contains(other[other.index(after: dot)...])
        }
    }

    var description: String {
        "\(source): " + (key.map { "\($0): " } ?? "") + message
    }
}

/// All that is wrong with the settings, found in one go.
struct SettingsError: Error, CustomStringConvertible {
    var problems: [SettingProblem]
    /// The settings without the values that cannot be used; nil when the file cannot be read.
    var rest: LoadedSettings?

    /// Whether only flags are at fault, which is a usage error and not one of the configuration.
    var isUsage: Bool {
        problems.allSatisfy { problem in
            if case .flag = problem.source { return true }
            return false
        }
    }

    var description: String {
        let count = problems.count == 1 ? "1 problem" : "\(problems.count) problems"
        return "\(count) in the settings:\n" + problems.map { "  \($0)" }.joined(separator: "\n")
    }
}
