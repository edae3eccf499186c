// Part of socketio-server, MIT licence; see LICENSE.

/// How many namespaces one client may join, and how large its `auth` may be. An object, because all clients share one.
package final class ClientLimits: Sendable {
    /// Namespaces joined or pending at the same time. Default: 64.
    package let maxNamespaces: Int
    /// Bytes of a namespace that a client may connect to. Default: 256.
    package let maxNamespaceLength: Int
    /// Bytes of the JSON text that a CONNECT carries as `auth`. Default: 16,384.
    package let maxAuthBytes: Int
    /// Bytes of those texts of all namespaces of a client together; at least ``maxAuthBytes``. Default: 65,536.
    package let maxAuthBytesPerClient: Int

    package init(
        maxNamespaces: Int = 64, maxNamespaceLength: Int = 256, maxAuthBytes: Int = 16_384,
        maxAuthBytesPerClient: Int = 65_536
    ) {
        self.maxNamespaces = maxNamespaces
        self.maxNamespaceLength = maxNamespaceLength
        self.maxAuthBytes = maxAuthBytes
        self.maxAuthBytesPerClient = max(maxAuthBytes, maxAuthBytesPerClient)
    }
}
