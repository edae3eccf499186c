// Part of socketio-server, MIT licence; see LICENSE.

/// How many namespaces one client may use (hardening A).
package struct ClientLimits: Sendable, Equatable {
    /// Namespaces joined or pending at the same time. Default: 64.
    package var maxNamespaces: Int
    /// Bytes of a namespace that a client may connect to. Default: 256.
    package var maxNamespaceLength: Int

    package init(maxNamespaces: Int = 64, maxNamespaceLength: Int = 256) {
        self.maxNamespaces = maxNamespaces
        self.maxNamespaceLength = maxNamespaceLength
    }
}
