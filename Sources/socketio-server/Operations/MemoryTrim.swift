// Part of socketio-server, MIT licence; see LICENSE.

#if canImport(Glibc)
    internal import Glibc
#endif

/// When it is worth asking the allocator for the memory of sessions that have gone: no clock, no server.
///
/// The allocator of the C library keeps what was freed, in case it is wanted again, unless it lies at the very end of its
/// heap. After a crowd has gone that is most of what the crowd needed.
struct MemoryTrim {
    /// Less than this is left to the allocator.
    static let leastSessions = 256
    /// At most once in this time, since freeing threads wait for a moment.
    static let intervalMs = 5_000

    private var peak = 0
    private var lastMs: Int?

    /// Looks at the number of open sessions.
    ///
    /// - Parameter now: a time in milliseconds that only grows.
    /// - Returns: whether memory should be given back: a quarter of the sessions has gone since there were most.
    mutating func isDue(sessions: Int, now: Int) -> Bool {
        peak = max(peak, sessions)
        guard peak - sessions >= max(Self.leastSessions, peak / 4) else { return false }
        if let lastMs, now - lastMs < Self.intervalMs { return false }
        lastMs = now
        peak = sessions
        return true
    }

    /// Gives free memory back to the system, as far as whole pages of it are free. Takes some milliseconds; from any thread.
    static func giveBack() { _ = trim?(0) }

    /// `malloc_trim`, which only glibc has.
    private static let trim: (@convention(c) (Int) -> CInt)? = {
        #if canImport(Glibc)
            dlsym(nil, "malloc_trim").map { unsafeBitCast($0, to: (@convention(c) (Int) -> CInt).self) }
        #else
            nil
        #endif
    }()
}
