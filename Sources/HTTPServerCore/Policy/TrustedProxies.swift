// Part of socketio-server, MIT licence; see LICENSE.

internal import ByteText
internal import Glibc
package import NIOCore
internal import NIOHTTP1

extension SocketAddress {
    /// The address without port as text; nil for a Unix domain socket. NIO stores this text for addresses that it got
    /// from the kernel, whereas `ipAddress` would format it anew.
    package var numericHost: String? {
        switch self {
        case .v4(let address) where !address.host.isEmpty: address.host
        case .v6(let address) where !address.host.isEmpty: address.host
        default: ipAddress
        }
    }
}

/// The networks of trusted proxies, whose `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host` the server
/// uses.
package struct TrustedProxies: Sendable {
    private struct Network: Sendable {
        var bytes: [UInt8]
        var prefixLength: Int

        func contains(_ address: [UInt8]) -> Bool {
            guard address.count == bytes.count else { return false }
            let whole = prefixLength / 8
            guard address[..<whole].elementsEqual(bytes[..<whole]) else { return false }
            let rest = prefixLength % 8
            guard rest > 0 else { return true }
            let mask = UInt8(truncatingIfNeeded: 0xFF << (8 - rest))
            return address[whole] & mask == bytes[whole] & mask
        }
    }

    private var networks: [Network] = []

    /// Parses addresses and networks in prefix notation; `invalid` lists the texts that are neither.
    package init(_ texts: [String]) {
        for text in texts {
            guard let network = Self.network(text) else {
                invalid.append(text)
                continue
            }
            networks.append(network)
        }
    }

    /// Whether the list may contain this text.
    package static func isAddressOrNetwork(_ text: String) -> Bool { network(text) != nil }

    /// Elements that are neither an address nor a network.
    package private(set) var invalid: [String] = []

    package var isEmpty: Bool { networks.isEmpty }

    /// The client's address when the peer is a trusted proxy: the last address in `X-Forwarded-For` that is not one.
    func clientAddress(behind peer: String, headers: HTTPHeaders) -> String {
        var client = peer
        for value in headers["x-forwarded-for"].reversed() {
            for element in value.split(byte: UInt8(ascii: ",")).reversed() {
                let text = Self.withoutPort(String(element.trimmingBlanks))
                // A text that is not an address ends the chain: nothing before it can be trusted either.
                guard Self.bytes(text) != nil else { return client }
                client = text
                guard isTrusted(text) else { return client }
            }
        }
        return client
    }

    /// Whether a trusted proxy reports in `X-Forwarded-Proto` that its client uses TLS. With several proxies the first
    /// element belongs to the proxy that the client connected to.
    func saysSecure(headers: HTTPHeaders) -> Bool {
        guard let value = headers.first(name: "x-forwarded-proto") else { return false }
        let first = value.split(byte: UInt8(ascii: ","), maxSplits: 1, omittingEmptySubsequences: false)[0]
            .trimmingBlanks
        return first.equalsIgnoringASCIICase("https") || first.equalsIgnoringASCIICase("wss")
    }

    /// Whether the address is that of a trusted proxy.
    package func isTrusted(_ address: String) -> Bool {
        guard let bytes = Self.bytes(address) else { return false }
        return networks.contains { $0.contains(bytes) }
    }

    private static func network(_ text: String) -> Network? {
        let parts = text.split(separator: "/", maxSplits: 1)
        guard let first = parts.first, let bytes = bytes(String(first)) else { return nil }
        guard parts.count == 2 else { return Network(bytes: bytes, prefixLength: bytes.count * 8) }
        guard let length = Int(parts[1]), length >= 0, length <= bytes.count * 8 else { return nil }
        return Network(bytes: bytes, prefixLength: length)
    }

    /// Removes the port from `[::1]:80` and `10.0.0.1:80`.
    private static func withoutPort(_ text: String) -> String {
        let bytes = text.utf8
        if bytes.first == UInt8(ascii: "["), let end = bytes.firstIndex(of: UInt8(ascii: "]")) {
            return String(text[bytes.index(after: bytes.startIndex)..<end])
        }
        let colons = bytes.count { $0 == UInt8(ascii: ":") }
        guard colons == 1, let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return text }
        return String(text[..<colon])
    }

    /// The bytes of a numeric address; IPv4 inside IPv6 counts as IPv4.
    package static func bytes(_ text: String) -> [UInt8]? {
        // C functions would stop at a NUL and use only the text before it.
        guard !text.utf8.contains(0) else { return nil }
        var v4 = [UInt8](repeating: 0, count: 4)
        if inet_pton(AF_INET, text, &v4) == 1 { return v4 }
        var v6 = [UInt8](repeating: 0, count: 16)
        guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
        let isMapped = v6[..<10].allSatisfy { $0 == 0 } && v6[10] == 0xFF && v6[11] == 0xFF
        return isMapped ? Array(v6[12...]) : v6
    }
}
