// Part of socketio-server, MIT licence; see LICENSE.

/// How many namespaces one client may use (hardening A). An object, because all clients share one.
package final class ClientLimits: Sendable {
    /// Namespaces joined or pending at the same time. Default: 64.
    package let maxNamespaces: Int
    /// Bytes of a namespace that a client may connect to. Default: 256.
    package let maxNamespaceLength: Int

    package init(maxNamespaces: Int = 64, maxNamespaceLength: Int = 256) {
        self.maxNamespaces = maxNamespaces
        self.maxNamespaceLength = maxNamespaceLength
    }
}
