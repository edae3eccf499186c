// Part of socketio-server, MIT licence; see LICENSE.

internal import ByteText

/// A host and a port, apart.
struct ForwardingAddress: Sendable {
    var host: String
    var port: Int

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// From `host:port`, `10.0.0.1:80` or `[::1]:80`.
    init?(_ text: String) {
        guard text.utf8.count <= 300, let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")),
            let port = Int(text[text.utf8.index(after: colon)...]), (1...65_535).contains(port)
        else { return nil }
        var host = text[..<colon]
        if host.utf8.first == UInt8(ascii: "["), host.utf8.last == UInt8(ascii: "]"), host.utf8.count >= 2 {
            host = Substring(host.utf8.dropFirst().dropLast())
        } else if host.contains(byte: UInt8(ascii: ":")) {
            return nil
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") }) else {
            return nil
        }
        self.init(host: String(host), port: port)
    }

    var text: String { host.contains(byte: UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension ForwardingAddress: Hashable {
    static func == (left: ForwardingAddress, right: ForwardingAddress) -> Bool {
        left.port == right.port && left.host.hasSameBytes(as: right.host)
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(ExactName(host))
        hasher.combine(port)
    }
}
