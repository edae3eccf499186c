// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// Decides when the allocator should return the memory of ended sessions. A pure machine without clock and server.
///
/// The allocator of the C library keeps freed memory for later use, unless it lies at the end of its heap. After a
/// crowd has disconnected, that is most of the memory that the crowd needed.
struct MemoryTrim {
    /// A smaller peak is left to the allocator.
    static let leastSessions = 256
    /// The shortest time between two trims, since threads that free memory wait during one.
    static let intervalMs = 5_000

    private var peak = 0
    private var lastMs: Int?

    /// Checks the number of open sessions.
    ///
    /// - Parameter now: monotonic time in milliseconds.
    /// - Returns: whether memory should be returned: at least a quarter of the sessions has ended since their peak.
    mutating func isDue(sessions: Int, now: Int) -> Bool {
        peak = max(peak, sessions)
        guard peak - sessions >= max(Self.leastSessions, peak / 4) else { return false }
        if let lastMs, now - lastMs < Self.intervalMs { return false }
        lastMs = now
        peak = sessions
        return true
    }

    /// Returns free whole pages to the system. Takes some milliseconds; may be called from any thread.
    static func giveBack() { _ = trim?(0) }

    /// `malloc_trim`, which only glibc has.
    private static let trim: (@convention(c) (Int) -> CInt)? = {
        dlsym(nil, "malloc_trim").map { unsafeBitCast($0, to: (@convention(c) (Int) -> CInt).self) }
    }()
}
