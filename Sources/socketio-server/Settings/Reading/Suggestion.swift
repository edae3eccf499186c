// Part of socketio-server, MIT licence; see LICENSE.

/// Finds the most similar known name.
enum Suggestion {
    /// The candidate nearest to a mistyped word, or nil when none is near enough to be worth naming.
    ///
    /// A changed, missing, extra or swapped letter counts one; upper and lower case count nothing. A word that starts a
    /// candidate (`pingInterval` for `pingIntervalMs`) is near, however long the rest.
    static func nearest(to word: String, among candidates: [String]) -> String? {
        guard (1...100).contains(word.utf8.count) else { return nil }
        let lowered = Array(word.lowercased().utf8)
        let limit = max(1, lowered.count / 3)
        var best: (candidate: String, distance: Int, rest: Int)?
        for candidate in candidates {
            let other = Array(candidate.lowercased().utf8)
            let isBeginning = lowered.count >= 4 && other.starts(with: lowered)
            guard let distance = isBeginning ? 1 : distance(lowered, other, atMost: best?.distance ?? limit) else {
                continue
            }
            // Of several candidates that begin with the word, the shortest is the nearest. Other ties go to the earlier candidate:
            // the tables list the common one first.
            let rest = isBeginning ? other.count - lowered.count : 0
            if let best, (best.distance, best.rest) <= (distance, rest) { continue }
            best = (candidate, distance, rest)
        }
        return best?.candidate
    }

    /// Edits between two words, an exchange of neighbours being one (optimal string alignment); nil when there are more than
    /// `limit`.
    private static func distance(_ left: [UInt8], _ right: [UInt8], atMost limit: Int) -> Int? {
        guard abs(left.count - right.count) <= limit, !left.isEmpty, !right.isEmpty else { return nil }
        var beforeLast = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for row in 1...left.count {
            var current = [row] + [Int](repeating: 0, count: right.count)
            for column in 1...right.count {
                let cost = left[row - 1] == right[column - 1] ? 0 : 1
                var best = min(last[column] + 1, current[column - 1] + 1, last[column - 1] + cost)
                if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                    best = min(best, beforeLast[column - 2] + 1)
                }
                current[column] = best
            }
            // An exchange looks back two rows, and every way to the end passes one of any two.
            if let here = current.min(), let before = last.min(), min(here, before) > limit { return nil }
            beforeLast = last
            last = current
        }
        return last[right.count] <= limit ? last[right.count] : nil
    }
}
