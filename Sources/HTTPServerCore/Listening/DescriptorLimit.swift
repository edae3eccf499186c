// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// How many descriptors, and therefore connections, the process may have open.
package enum DescriptorLimit {
    /// A server warns at start when its limit is below this one, because that is more likely an oversight than a
    /// choice.
    package static let recommended = 4_096

    /// Raises the soft limit to the hard one, as Node does at its start: the usual soft limit of 1,024 is there for
    /// programs that use select(2). To be called by executables; a library leaves the limits of its process alone.
    ///
    /// - Returns: The limit now in force; nil when it cannot be read.
    @discardableResult
    package static func raise() -> Int? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        let soft = limit.rlim_cur
        limit.rlim_cur = limit.rlim_max
        let isRaised = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
        return Int(exactly: isRaised ? limit.rlim_max : soft) ?? .max
    }

    /// The soft limit in force; nil when it cannot be read.
    package static var current: Int? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return Int(exactly: limit.rlim_cur) ?? .max
    }

    /// The default session limit of a server: nine tenths of `limit`, which leaves descriptors for other connections,
    /// the operations listener, Redis and files.
    package static func sessions(within limit: Int) -> Int { max(1, limit / 10 * 9 + limit % 10 * 9 / 10) }

    /// How many of the last descriptors are used neither for connections of clients or operators nor for those to other nodes.
    ///
    /// The Swift runtime needs them: once a second libdispatch counts its running threads with files below `/proc` while
    /// work waits for a thread, and ends the process when it cannot open one.
    package static func reserve(of limit: Int) -> Int { min(8, limit / 8) }

    /// How many of the last descriptors are not used for clients.
    package static func headroom(of limit: Int) -> Int { reserve(of: limit) + min(64, limit / 16) }

    /// Whether a descriptor is one of those. The kernel assigns the lowest free number, so that all below are in use.
    package static func isReserved(_ number: Int) -> Bool {
        current.map { number >= $0 - reserve(of: $0) } ?? false
    }
}
