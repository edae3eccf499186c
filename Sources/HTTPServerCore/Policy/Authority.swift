// Part of socketio-server, MIT licence; see LICENSE.

/// Host and port of a URL, as written in `Host`, `X-Forwarded-Host` and `Origin`, for comparison by bytes.
///
/// ASCII letters compare without case. The default ports of HTTP and HTTPS equal a missing port, since browsers omit
/// the port of their scheme and a proxy that ends TLS changes the scheme.
package struct Authority: Sendable, Equatable {
    /// The host in lower case; an IPv6 address keeps its brackets.
    package let host: String
    /// The port; nil for a missing port, 80 and 443.
    package let port: UInt16?

    /// Reads `example.org`, `example.org:3000`, `10.0.0.1:80` or `[::1]:3000`; nil for anything else.
    package init?(_ text: String) { self.init(text.utf8) }

    /// The same from bytes.
    package init?(_ text: some Sequence<UInt8>) {
        let bytes = Array(text)
        let colon: Int?
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")), end > 1 else { return nil }
            colon = end + 1 < bytes.count ? end + 1 : nil
        } else {
            colon = bytes.firstIndex(of: UInt8(ascii: ":"))
        }
        let host = bytes[..<(colon ?? bytes.count)]
        guard !host.isEmpty, host.allSatisfy(Self.isHostByte) else { return nil }
        var port: UInt16?
        if let colon {
            guard bytes[colon] == UInt8(ascii: ":") else { return nil }
            let digits = bytes[(colon + 1)...]
            // An empty port is allowed and means the default (RFC 3986, 3.2.3).
            if !digits.isEmpty {
                guard let number = Self.number(digits) else { return nil }
                port = number
            }
        }
        self.host = String(decoding: host.map(Self.lowercased), as: UTF8.self)
        self.port = port == 80 || port == 443 ? nil : port
    }

    /// Reads the host and port of a web origin such as `https://example.org:3000`; nil for other origins, such as
    /// `null` and `file://`.
    package init?(origin: String) {
        let bytes = origin.utf8
        for scheme in ["https://", "http://"] where bytes.starts(with: scheme.utf8) {
            self.init(bytes.dropFirst(scheme.utf8.count))
            return
        }
        return nil
    }

    /// Whether it names this machine itself: `localhost`, an address in `127.0.0.0/8`, or `[::1]`.
    package var isLoopback: Bool {
        if host == "localhost" || host == "[::1]" { return true }
        guard let bytes = TrustedProxies.bytes(host) else { return false }
        return bytes.count == 4 && bytes[0] == 127
    }

    // Both are ASCII, so comparing the strings compares their bytes.
    package static func == (one: Authority, other: Authority) -> Bool {
        one.port == other.port && one.host.utf8.elementsEqual(other.host.utf8)
    }

    /// Reads 0 to 65535 in at most five digits.
    private static func number(_ digits: ArraySlice<UInt8>) -> UInt16? {
        guard digits.count <= 5 else { return nil }
        var value: UInt32 = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            value = value * 10 + UInt32(digit - 0x30)
        }
        return UInt16(exactly: value)
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
            UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ":"), UInt8(ascii: "%"):
            true
        default: false
        }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
