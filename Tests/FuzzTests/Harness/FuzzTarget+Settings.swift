// Part of socketio-server, MIT licence; see LICENSE.

internal import Configuration
internal import HiredisNIO

@testable internal import socketio_server

extension FuzzTarget {
    /// A settings file, the same lines as flags, and as addresses of Redis.
    static let settings = FuzzTarget(name: "settings", maximumLength: 2048) { input in
        let text = String(decoding: input.bytes, as: UTF8.self)
        let file = SettingsFile(text: text, path: "file")
        try check(file.problems)
        if file.problems.isEmpty, file.hasKeys {
            let bytes = Array(text.utf8)
            do {
                _ = try YAMLSnapshot(data: bytes.span.bytes, providerName: "file", parsingOptions: .default)
            } catch {
                throw FuzzFinding("no problem was found in the file, and it cannot be read: \(error)")
            }
        }
        let lines = text.split(separator: "\n").map(String.init)
        let flags = SettingFlags(lines)
        try check(flags.problems)
        try require(flags.normalized.count <= 2 * lines.count, "more flags than arguments")
        if let line = lines.first { _ = try? RedisConfiguration(url: line) }
    }

    /// Each stands on a line of its own, and tells where it was found.
    private static func check(_ problems: [SettingProblem]) throws {
        for problem in problems {
            let text = problem.description
            try require(
                !text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F },
                "a problem holds a control character: \(text.debugDescription)")
            if case .file(_, let line, let column) = problem.source {
                try require(line >= 1 && column >= 1, "a problem at \(line):\(column)")
            }
        }
    }
}
