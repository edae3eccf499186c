// Part of socketio-server, MIT licence; see LICENSE.

internal import ByteText
internal import NIOCore

/// The header that a TCP proxy sends before all other bytes, to describe its client: the PROXY protocol of HAProxy,
/// versions 1 and 2. Bytes in, values out.
struct ProxyHeader: Equatable {
    enum Outcome: Equatable {
        /// More bytes are needed.
        case incomplete
        /// The bytes are no PROXY header.
        case malformed
        /// The header is complete and has been removed from the buffer.
        case complete(ProxyHeader)
    }

    /// The client's address as text; nil when the proxy connects on its own behalf (health checks) or does not know the
    /// client.
    var client: String?
    /// Whether the client uses TLS to the proxy; nil when the header does not say.
    var isSecure: Bool?

    /// The length limit of version 1, line end included.
    private static let maximumLine = 107
    /// The length limit of version 2: more than any sensible set of extensions needs.
    private static let maximumBody = 4_096
    private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    private static let word = Array("PROXY ".utf8)

    static func take(from buffer: inout ByteBuffer) -> Outcome {
        let view = buffer.readableBytesView
        if begins(view, with: signature) { return view.count < 16 ? .incomplete : takeBinary(&buffer) }
        if begins(view, with: word) { return view.count < word.count ? .incomplete : takeLine(&buffer) }
        return .malformed
    }

    /// Whether the bytes received so far are a beginning of `expected`.
    private static func begins(_ view: ByteBufferView, with expected: [UInt8]) -> Bool {
        zip(view, expected).allSatisfy { $0 == $1 }
    }

    // MARK: Version 1

    private static func takeLine(_ buffer: inout ByteBuffer) -> Outcome {
        let view = buffer.readableBytesView.prefix(maximumLine)
        guard let end = view.firstIndex(of: 0x0A) else { return view.count < maximumLine ? .incomplete : .malformed }
        let line = view[..<end]
        guard line.last == 0x0D else { return .malformed }
        let length = line.count + 1
        let words = String(decoding: line.dropLast(), as: UTF8.self)
            .split(byte: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard words.count > 1 else { return .malformed }
        var header = ProxyHeader()
        if words[1] != "UNKNOWN" {
            guard words.count == 6, UInt16(words[4]) != nil, UInt16(words[5]) != nil else { return .malformed }
            let expected: Int
            switch words[1] {
            case "TCP4": expected = 4
            case "TCP6": expected = 16
            default: return .malformed
            }
            guard size(of: words[2]) == expected, size(of: words[3]) == expected else { return .malformed }
            header.client = String(words[2])
        }
        buffer.moveReaderIndex(forwardBy: length)
        return .complete(header)
    }

    /// The number of bytes of the address, where `::ffff:1.2.3.4` counts as IPv6; nil when the text is not an address.
    private static func size(of address: Substring) -> Int? {
        let text = String(address)
        guard TrustedProxies.bytes(text) != nil else { return nil }
        return text.contains(":") ? 16 : 4
    }

    // MARK: Version 2

    private static func takeBinary(_ buffer: inout ByteBuffer) -> Outcome {
        var rest = buffer
        rest.moveReaderIndex(forwardBy: signature.count)
        guard let command = rest.readInteger(as: UInt8.self), let family = rest.readInteger(as: UInt8.self),
            let length = rest.readInteger(as: UInt16.self)
        else { return .incomplete }
        guard command >> 4 == 2, command & 0x0F <= 1, length <= maximumBody else { return .malformed }
        guard var body = rest.readSlice(length: Int(length)) else { return .incomplete }
        var header = ProxyHeader()
        if command & 0x0F == 1 {
            switch family {
            case 0x11:
                guard let source = body.readBytes(length: 4), body.readSlice(length: 8) != nil else {
                    return .malformed
                }
                header.client = source.map(String.init).joined(separator: ".")
            case 0x21:
                guard let source = body.readBytes(length: 16), body.readSlice(length: 20) != nil else {
                    return .malformed
                }
                header.client = address(v6: source)
            default:
                // Datagrams and Unix sockets carry no address that the server could use.
                body.moveReaderIndex(to: body.writerIndex)
            }
            guard readExtensions(&body, into: &header) else { return .malformed }
        }
        buffer = rest
        return .complete(header)
    }

    /// Reads the extensions (type, length, value), of which only the one about TLS is used. False when they do not fit
    /// their space.
    private static func readExtensions(_ body: inout ByteBuffer, into header: inout ProxyHeader) -> Bool {
        while body.readableBytes > 0 {
            guard let type = body.readInteger(as: UInt8.self), let length = body.readInteger(as: UInt16.self),
                let value = body.readSlice(length: Int(length))
            else { return false }
            if type == 0x20, let flags = value.getInteger(at: value.readerIndex, as: UInt8.self) {
                header.isSecure = flags & 1 == 1
            }
        }
        return true
    }

    private static func address(v6 bytes: [UInt8]) -> String? {
        var packed = ByteBuffer()
        packed.writeBytes(bytes)
        return try? SocketAddress(packedIPAddress: packed, port: 0).ipAddress
    }
}
