// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation

/// Tells when files have changed, and have stayed as they are from one look to the next: an editor or a tool that writes
/// several files is then most likely done.
///
/// It asks for times and sizes instead of having the system tell: that works for files that are replaced, for links that
/// containers point elsewhere, and on every file system.
struct FileWatch {
    /// What tells two states of a file apart; links are followed.
    struct Stamp: Equatable {
        let number: UInt64
        let size: UInt64
        let changed: Date

        /// Nil when there is no such file.
        init?(path: String) {
            let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
            guard let attributes = try? FileManager.default.attributesOfItem(atPath: target),
                let changed = attributes[.modificationDate] as? Date
            else { return nil }
            self.changed = changed
            number = (attributes[.systemFileNumber] as? NSNumber)?.uint64Value ?? 0
            size = (attributes[.size] as? NSNumber)?.uint64Value ?? 0
        }
    }

    /// As they were when it told last, and at the last look.
    private var known: [String: Stamp?]
    private var latest: [String: Stamp?]

    init(_ paths: [String]) {
        known = Self.stamps(paths)
        latest = known
    }

    /// Whether something has changed and is at rest; once for each change.
    mutating func look(at paths: [String]) -> Bool {
        let now = Self.stamps(paths)
        defer { latest = now }
        // Another list of files is no change of theirs.
        for path in paths where known[path] == nil { known[path] = now[path] }
        known = known.filter { now.keys.contains($0.key) }
        guard now == latest, now != known else { return false }
        known = now
        return true
    }

    private static func stamps(_ paths: [String]) -> [String: Stamp?] {
        Dictionary(paths.map { ($0, Stamp(path: $0)) }) { first, _ in first }
    }
}
