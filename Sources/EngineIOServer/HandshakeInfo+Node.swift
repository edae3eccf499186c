// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
package import NIOHTTP1

/// Headers and cookies as applications of Node have them, where a name has one value whatever the client has sent.
extension HandshakeInfo {
    /// The value of a header as Node shows it: of a repeated header, the first for those that Node takes once (such as `host`,
    /// `user-agent`, `authorization`), `Cookie` joined by `; `, and all others joined by `, `. Nil when there is none.
    public func header(_ name: String) -> String? { Self.value(name.asciiLowercased, headers[name]) }

    /// The cookies of the request by their names; of repeated names the first one. Values are percent-decoded, and
    /// without the quotation marks around them. Parsed at each call.
    public var cookies: NameDictionary<String> {
        let pairs = (header("cookie") ?? "").split(byte: UInt8(ascii: ";")).compactMap { pair -> (String, String)? in
            let parts = pair.split(byte: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return nil }
            return (String(parts[0].trimmingBlanks), Self.decoded(parts[1].trimmingBlanks))
        }
        return NameDictionary(pairs, uniquingKeysWith: { first, _ in first })
    }

    /// The value of a cookie; nil when there is none.
    public func cookie(_ name: String) -> String? { cookies[name] }

    /// The headers in the order of their first occurrence, with names in lower case: one value for each, but a list for
    /// `set-cookie`.
    package static func fields(_ headers: HTTPHeaders) -> [(name: String, value: FieldValue)] {
        var names: [String] = []
        var values: [ExactName: [String]] = [:]
        for (name, value) in headers {
            let name = name.asciiLowercased
            if values[ExactName(name)] == nil { names.append(name) }
            values[ExactName(name), default: []].append(value)
        }
        return names.compactMap { name in
            let all = values[ExactName(name)] ?? []
            if name.hasSameBytes(as: "set-cookie") { return (name, .list(all)) }
            return value(name, all).map { (name, .one($0)) }
        }
    }

    package enum FieldValue: Sendable, Equatable {
        case one(String)
        case list([String])
    }

    /// What Node takes the first of.
    private static let single = NameSet([
        "age", "authorization", "content-length", "content-type", "etag", "expires", "from", "host",
        "if-modified-since",
        "if-unmodified-since", "last-modified", "location", "max-forwards", "proxy-authorization", "referer",
        "retry-after",
        "server", "user-agent",
    ])

    private static func value(_ name: String, _ values: [String]) -> String? {
        guard let first = values.first else { return nil }
        if values.count == 1 || single.contains(name) { return first }
        return values.joined(separator: name.hasSameBytes(as: "cookie") ? "; " : ", ")
    }

    private static func decoded(_ text: Substring) -> String {
        var bytes = Array(text.utf8)
        if bytes.count >= 2, bytes.first == UInt8(ascii: "\""), bytes.last == UInt8(ascii: "\"") {
            bytes = Array(bytes[1..<bytes.count - 1])
        }
        guard bytes.contains(UInt8(ascii: "%")) else { return String(decoding: bytes, as: UTF8.self) }
        // As a whole or not at all, as `decodeURIComponent` does.
        let result = bytes.withUnsafeBytes { PercentCoding.strictlyDecoded($0) }
        return result.flatMap { String(validating: $0, as: UTF8.self) } ?? String(decoding: bytes, as: UTF8.self)
    }
}
