// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// A server to connect to.
struct LoadTarget: Sendable {
    /// As the user wrote it.
    let text: String
    let host: String
    let port: UInt16
    /// Path of the engine, with the slashes around it.
    let path: String

    /// Reads `http://host:port/path`; the scheme may be missing, `ws://` is the same.
    init(_ text: String) throws(LoadFailure) {
        self.text = text
        var rest = text[...]
        if let end = text.firstRange(of: "://") {
            let scheme = text[..<end.lowerBound]
            guard scheme == "http" || scheme == "ws" else {
                throw LoadFailure(
                    "--target \(text): only http:// and ws:// can be measured; take the server's port behind its TLS")
            }
            rest = text[end.upperBound...]
        }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let path = rest.dropFirst(authority.count)
        guard !path.contains("?") else { throw LoadFailure("--target \(text): a query does not belong there") }
        self.path = Self.enginePath(String(path))
        var host = authority
        var port: UInt16 = 80
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            host = authority[..<colon]
            guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0 else {
                throw LoadFailure("--target \(text): the port must be a number from 1 to 65535")
            }
            port = number
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty else { throw LoadFailure("--target \(text): the host is missing") }
        self.host = String(host)
        self.port = port
    }

    private static func enginePath(_ path: String) -> String {
        guard !path.isEmpty, path != "/" else { return "/socket.io/" }
        return path.hasSuffix("/") ? path : path + "/"
    }

    /// Value of the `Host` header.
    var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// The address as the system takes it.
    func resolve() throws(LoadFailure) -> SocketAddress {
        try SocketAddress(host: host, port: port, option: "--target")
    }
}

/// An IPv4 or IPv6 address with a port.
struct SocketAddress: Sendable {
    let family: Int32
    let bytes: [UInt8]

    init(host: String, port: UInt16, option: String) throws(LoadFailure) {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        defer { if list != nil { freeaddrinfo(list) } }
        guard code == 0, let first = list?.pointee, let address = first.ai_addr else {
            throw LoadFailure("\(option): no address for \(host): \(String(cString: gai_strerror(code)))")
        }
        family = first.ai_family
        bytes = Array(UnsafeRawBufferPointer(start: address, count: Int(first.ai_addrlen)))
    }

    var isLoopback: Bool {
        switch family {
        case AF_INET: bytes.count >= 8 && bytes[4] == 127
        case AF_INET6: bytes.count >= 24 && bytes[8..<23].allSatisfy { $0 == 0 } && bytes[23] == 1
        default: false
        }
    }

    /// Calls `body` with the address in the form of the socket functions.
    func withSocketAddress(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        bytes.withUnsafeBytes { raw in
            guard let base = raw.baseAddress else { return -1 }
            return body(base.assumingMemoryBound(to: sockaddr.self), socklen_t(raw.count))
        }
    }
}
