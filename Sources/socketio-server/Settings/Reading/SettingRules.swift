// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import NIOCore

/// Shapes of texts that several settings share.
enum SettingRules {
    /// A path of a URL without query: `/`, then visible ASCII.
    static func isPath(_ text: String) -> Bool {
        text.hasPrefix("/") && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"?#\"<>\\".utf8.contains($0) }
    }

    /// What `sid=` may begin with.
    static func isNodeTag(_ text: String) -> Bool {
        text.utf8.count == 4 && text.utf8.allSatisfy(isWordByte)
    }

    /// A token of RFC 9110, section 5.6.2: names of cookies and headers.
    static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { isAlphanumeric($0) || "!#$%&'*+-.^_`|~".utf8.contains($0) }
    }

    /// What may stand in an attribute of a cookie.
    static func isCookieText(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x20...0x7E).contains($0) && $0 != UInt8(ascii: ";") }
    }

    /// An address that only this machine reaches.
    static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// What a listener can be given: an address, with or without a zone, the name of a host, or `*`. No port, no URL.
    static func isListenHost(_ text: String) -> Bool { text == "*" || isHost(text) }

    /// An address, with or without a zone, or the name of a host. No port, no URL.
    static func isHost(_ text: String) -> Bool {
        let bare = text.hasPrefix("[") && text.hasSuffix("]") ? text.dropFirst().dropLast() : text[...]
        if let address = try? SocketAddress(ipAddress: String(bare.prefix { $0 != "%" }), port: 0) {
            return address.protocol == .inet6 || bare.count == text.count
        }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        return text.utf8.count <= 253
            && labels.allSatisfy { (1...63).contains($0.utf8.count) && $0.utf8.allSatisfy(isWordByte) }
            // Numbers alone are an address with a mistake in it.
            && labels.last?.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } == false
    }

    /// `name:80`, `10.0.0.1:80`, `[::1]:80`.
    static func isHostAndPort(_ text: String) -> Bool {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (1...65_535).contains(port)
        else { return false }
        let host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]") && host.count > 2
        return !host.isEmpty && (isBracketed || !host.contains(":"))
            && host.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") }
    }

    /// Whether it is an address for a request: `https://example.org:8443/path`.
    static func isWebAddress(_ text: String) -> Bool {
        guard text.utf8.count <= 4_096, let url = URL(string: text), let host = url.host, !host.isEmpty else {
            return false
        }
        return ["http", "https"].contains(url.scheme)
    }

    /// Either `*` or scheme and host as browsers send them in `Origin`: no path, no slash at the end, and for web
    /// origins no capitals and no default port, since any other spelling would never match. Application shells have
    /// schemes of their own, some without a host: `file://`, `capacitor://localhost`.
    static func isOrigin(_ text: String) -> Bool {
        guard text != "*", text != "null" else { return true }
        guard let separator = text.firstRange(of: "://") else { return false }
        let (scheme, host) = (text[..<separator.lowerBound], text[separator.upperBound...])
        guard let first = scheme.utf8.first, isAlphanumeric(first),
            scheme.utf8.allSatisfy({ isAlphanumeric($0) || "+-.".utf8.contains($0) }),
            host.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !"/?#,*@".utf8.contains($0) })
        else { return false }
        switch scheme.lowercased() {
        case "http": return text == text.lowercased() && !host.isEmpty && !host.hasSuffix(":80")
        case "https": return text == text.lowercased() && !host.isEmpty && !host.hasSuffix(":443")
        // What browsers never send as an origin.
        case "ws", "wss": return false
        default: return true
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: false
        }
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }
}
