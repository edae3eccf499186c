// Part of socketio-server, MIT licence; see LICENSE.

/// The key under which an address is limited: an IPv4 address, or the /64 network of an IPv6 address, since every
/// customer has at least one such network and can pick any address in it. Nine bytes, however the address was written.
struct AddressKey: Hashable, Sendable {
    private let bits: UInt64
    private let isNetwork: Bool

    /// Nil if the text is not an IP address, for example for the peer of a Unix socket.
    init?(_ address: String) {
        // The longest there is, with an IPv4 address inside, has 45 bytes.
        guard address.utf8.count <= 45, let bytes = TrustedProxies.bytes(address) else { return nil }
        bits = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        isNetwork = bytes.count == 16
    }

    /// `192.0.2.1`, or the four groups of a network, `2001:db8:0:7::/64`.
    var text: String {
        let (separator, width, radix) = isNetwork ? (":", 16, 16) : (".", 8, 10)
        let parts = (0..<4).map { String(bits >> UInt64((3 - $0) * width) & (1 << width - 1), radix: radix) }
        return parts.joined(separator: separator) + (isNetwork ? "::/64" : "")
    }
}

extension HandshakeInfo {
    /// The client's address as ``AddressKey`` has it; what is no IP address stays as it is.
    package var limitedAddress: String { AddressKey(remoteAddress)?.text ?? remoteAddress }
}
