// Part of socketio-server, MIT licence; see LICENSE.

/// One value of `Set-Cookie` (RFC 6265, 4.1), with its attributes in Node's order.
package struct SetCookie: Sendable {
    package var name: String
    /// The value before encoding; it is percent-encoded as in Node when it is written.
    package var value: String
    /// The lifetime in seconds.
    package var maxAge: Int64?
    package var domain: String?
    package var path: String?
    /// The expiry as a formatted HTTP date.
    package var expires: String?
    package var isHTTPOnly = false
    package var isSecure = false
    package var sameSite: String?

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }

    /// The text of the header's value.
    package var text: String {
        var result = "\(name)=\(Self.encode(value))"
        if let maxAge { result += "; Max-Age=\(maxAge)" }
        if let domain { result += "; Domain=\(domain)" }
        if let path { result += "; Path=\(path)" }
        if let expires { result += "; Expires=\(expires)" }
        if isHTTPOnly { result += "; HttpOnly" }
        if isSecure { result += "; Secure" }
        if let sameSite { result += "; SameSite=\(sameSite)" }
        return result
    }

    private static func encode(_ value: String) -> String {
        let hex = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "!"), UInt8(ascii: "~"), UInt8(ascii: "*"), UInt8(ascii: "'"), UInt8(ascii: "("),
                UInt8(ascii: ")"):
                out.append(byte)
            default:
                out += [UInt8(ascii: "%"), hex[Int(byte >> 4)], hex[Int(byte & 0xF)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
