// Part of socketio-server, MIT licence; see LICENSE.

internal import HTTPServerCore

/// What kind of network an address belongs to.
enum NetworkAddress {
    /// Whether only this machine or a network of one's own reaches it: loopback, private (RFC 1918), link-local, or
    /// unique local (RFC 4193). False for what is not a numeric address.
    static func isPrivate(_ text: String) -> Bool {
        guard let bytes = TrustedProxies.bytes(text) else { return false }
        guard bytes.count == 4 else {
            let isLoopback = bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1
            return isLoopback || bytes[0] & 0xFE == 0xFC || bytes[0] == 0xFE && bytes[1] & 0xC0 == 0x80
        }
        switch (bytes[0], bytes[1]) {
        case (127, _), (10, _), (192, 168), (169, 254): return true
        case (172, let second): return (16...31).contains(second)
        default: return false
        }
    }

    /// Whether it stands for every address of the machine.
    static func isWildcard(_ text: String) -> Bool {
        TrustedProxies.bytes(text)?.allSatisfy { $0 == 0 } ?? false
    }
}
