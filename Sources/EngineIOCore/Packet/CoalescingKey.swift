// Part of socketio-server, MIT licence; see LICENSE.

/// Identifies packets of which a client needs only the newest. Compared by its bytes.
///
/// A key belongs to one namespace: the same text in another namespace is another key.
package struct CoalescingKey: Hashable, Sendable {
    private let origin: Int32
    private let bytes: [UInt8]

    /// A key of the namespace with the number `origin`.
    package init(_ text: String, origin: Int32 = 0) {
        self.origin = origin
        self.bytes = Array(text.utf8)
    }

    /// The same text in the namespace with the number `origin`.
    package func inNamespace(_ origin: Int32) -> CoalescingKey { CoalescingKey(bytes: bytes, origin: origin) }

    private init(bytes: [UInt8], origin: Int32) {
        self.origin = origin
        self.bytes = bytes
    }
}
