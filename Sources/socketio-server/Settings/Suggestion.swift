// Part of socketio-server, MIT licence; see LICENSE.

/// Finds the most similar known name.
enum Suggestion {
    /// The candidate nearest to a mistyped word, or nil when none is near enough to be worth naming.
    ///
    /// A changed, missing, extra or swapped letter counts one; upper and lower case count nothing. A word that starts a
    /// candidate (`pingInterval` for `pingIntervalMs`) is near, however long the rest.
    static func nearest(to word: String, among candidates: [String]) -> String? {
        let lowered = word.lowercased()
        guard !lowered.isEmpty, lowered.count <= 100 else { return nil }
        let limit = max(1, lowered.count / 3)
        let near = candidates.map { candidate -> (distance: Int, candidate: String) in
            let other = candidate.lowercased()
            if lowered.count >= 4, other.hasPrefix(lowered) { return (1, candidate) }
            return (distance(Array(lowered), Array(other)), candidate)
        }
        // Ties go to the earlier candidate: the tables list the common one first.
        guard let best = near.min(by: { $0.distance < $1.distance }), best.distance <= limit else { return nil }
        return best.candidate
    }

    /// Edits between two words, an exchange of neighbours being one (optimal string alignment).
    private static func distance(_ left: [Character], _ right: [Character]) -> Int {
        guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
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
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
