// Part of socketio-server, MIT licence; see LICENSE.

/// Remembers which signatures have been used, for as long as they are valid.
///
/// Two generations: when the younger is old enough or full, the elder is forgotten. So memory is bounded, and what a
/// flood of *valid* requests pushes out early is the only thing that could be used twice.
package struct NonceMemory: Sendable {
    private struct Nonce: Hashable, Sendable {
        var first: UInt64
        var second: UInt64
    }

    private let lifetime: Int64
    private let capacity: Int
    private var young: Set<Nonce> = []
    private var old: Set<Nonce> = []
    private var youngSince: Int64 = .min

    /// - Parameter lifetime: milliseconds.
    package init(lifetime: Int64, capacity: Int = 262_144) {
        self.lifetime = lifetime
        self.capacity = capacity
    }

    /// False when it has been seen before.
    package mutating func remember(_ text: String, now: Int64) -> Bool {
        let age = now.subtractingReportingOverflow(youngSince)
        if age.overflow || age.partialValue < 0 || age.partialValue > lifetime || young.count >= capacity {
            old = young
            young = []
            youngSince = now
        }
        var words: (UInt64, UInt64) = (0, 0)
        // Sixteen letters of six random bits each are enough to tell them apart.
        for (index, byte) in text.utf8.prefix(16).enumerated() {
            if index < 8 { words.0 = words.0 << 8 | UInt64(byte) } else { words.1 = words.1 << 8 | UInt64(byte) }
        }
        let nonce = Nonce(first: words.0, second: words.1)
        guard !old.contains(nonce) else { return false }
        return young.insert(nonce).inserted
    }
}
