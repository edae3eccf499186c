// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
// The optimising build takes `timespec` from this compiler-internal module, the debug build takes it from Glibc.
internal import SwiftOverlayShims

/// The time of day. Only for values that people read (handshake time, `Date`); every deadline uses the monotonic clock.
package enum WallClock {
    /// Milliseconds since 1970-01-01 UTC.
    package static func milliseconds() -> Int64 {
        var now = timespec()
        guard clock_gettime(CLOCK_REALTIME, &now) == 0 else { return 0 }
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }
}
