// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
// The optimising build takes `timespec` for a type of this module of the compiler's, the debug build for one of Glibc's.
internal import SwiftOverlayShims

/// The time of day. Only for what people read (handshake time, `Date`); every deadline uses the monotonic clock.
package enum WallClock {
    /// Milliseconds since 1970-01-01 UTC.
    package static func milliseconds() -> Int64 {
        var now = timespec()
        guard clock_gettime(CLOCK_REALTIME, &now) == 0 else { return 0 }
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }
}
