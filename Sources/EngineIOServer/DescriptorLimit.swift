// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// How many descriptors, and so connections, the process may have open.
package enum DescriptorLimit {
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
}
