// Part of socketio-server, MIT licence; see LICENSE.

/// What people write where a listener wants an address.
package enum ListenHost {
    /// Whether it stands for every address of the machine, of IPv4 and of IPv6: `*`, `::` or another spelling of that.
    package static func isEverything(_ host: String) -> Bool {
        if host.utf8.elementsEqual("*".utf8) { return true }
        guard let bytes = TrustedProxies.bytes(bare(host)), bytes.count == 16 else { return false }
        return bytes.allSatisfy { $0 == 0 }
    }

    /// The addresses to listen on, the most important first.
    ///
    /// Everything is two of them. One socket for both would show clients of IPv4 as `::ffff:192.0.2.1`, to applications and in
    /// logs.
    package static func addresses(of host: String) -> [String] {
        isEverything(host) ? ["0.0.0.0", "::"] : [host]
    }

    /// The address without the brackets that it has in URLs.
    static func bare(_ host: String) -> String {
        guard host.utf8.first == UInt8(ascii: "["), host.utf8.last == UInt8(ascii: "]") else { return host }
        return String(host.dropFirst().dropLast())
    }
}
