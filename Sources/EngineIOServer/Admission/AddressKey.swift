// Part of socketio-server, MIT licence; see LICENSE.

/// Whose limit an address falls under: an IPv4 address, or an IPv6 network of 64 bits, which is the least that one customer
/// gets and may choose addresses from at will. Nine bytes, whatever the address was written like.
struct AddressKey: Hashable, Sendable {
    private let bits: UInt64
    private let isNetwork: Bool

    /// Nil for what is no IP address, such as the peer of a Unix socket.
    init?(_ address: String) {
        // The longest there is, with an IPv4 address inside, has 45 bytes.
        guard address.utf8.count <= 45, let bytes = TrustedProxies.bytes(address) else { return nil }
        bits = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        isNetwork = bytes.count == 16
    }
}
