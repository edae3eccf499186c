// Part of socketio-server, MIT licence; see LICENSE.

internal import ByteText
internal import CZlib
package import NIOCore

/// A content coding that the server can produce or has stored.
package enum ContentCoding: String, Sendable, CaseIterable {
    case brotli = "br"
    case gzip
    /// Deflate in the zlib format, as RFC 9110 defines it.
    case deflate

    /// The best of `offered` for an `Accept-Encoding` header, or nil if the client accepts none of them.
    ///
    /// The order is that of the negotiator which Node servers use: by quality, then a coding that the client names
    /// before one that only `*` covers, then the client's order, then ours. `identity` does not compete: a client that
    /// lists it beside gzip gets gzip.
    package static func negotiate(_ header: String?, offered: [ContentCoding]) -> ContentCoding? {
        guard let header, !header.isEmpty else { return nil }
        let accepted = header.utf8.split(separator: UInt8(ascii: ","), maxSplits: 32).map { AcceptedCoding($0) }
        var best: (coding: ContentCoding, quality: Int, isNamed: Bool, order: Int)?
        for coding in offered {
            var found: (quality: Int, isNamed: Bool, order: Int)?
            for (order, element) in accepted.enumerated() {
                if element.name.equalsIgnoringCase(coding.rawValue) {
                    found = (element.quality, true, order)
                    break
                }
                if found == nil, element.name.utf8.elementsEqual("*".utf8) { found = (element.quality, false, order) }
            }
            guard let found, found.quality > 0 else { continue }
            if let best {
                if found.quality < best.quality { continue }
                if found.quality == best.quality {
                    if best.isNamed != found.isNamed ? best.isNamed : best.order <= found.order { continue }
                }
            }
            best = (coding, found.quality, found.isNamed, found.order)
        }
        return best?.coding
    }
}

/// One element of `Accept-Encoding`.
private struct AcceptedCoding {
    var name: Substring
    /// The quality in thousandths.
    var quality = 1000

    init(_ element: Substring.UTF8View) {
        let parts = Substring(element).split(byte: UInt8(ascii: ";"))
        name = parts.first?.trimmingBlanks ?? ""
        for parameter in parts.dropFirst() {
            let pair = parameter.split(byte: UInt8(ascii: "="), maxSplits: 1)
            guard pair.count == 2, pair[0].trimmingBlanks.equalsIgnoringCase("q") else { continue }
            let value = Double(pair[1].trimmingBlanks) ?? 0
            quality = value > 0 ? Int(min(value, 1) * 1000) : 0
        }
    }
}

/// gzip and deflate of whole response bodies (protocol 1.8.5).
package enum BodyCompression {
    /// Chooses gzip or deflate by the client's preference, gzip first on ties; nil when the client accepts neither.
    package static func choose(acceptEncoding: String?) -> ContentCoding? {
        ContentCoding.negotiate(acceptEncoding, offered: [.gzip, .deflate])
    }

    /// The compressed body; nil when zlib fails for lack of memory, or when `coding` is not one of zlib's.
    package static func compress(_ body: ByteBuffer, coding: ContentCoding, level: Int = 6) -> ByteBuffer? {
        guard coding != .brotli, let length = UInt32(exactly: body.readableBytes) else { return nil }
        var stream = z_stream()
        // Window bits over 15 ask zlib for the gzip wrapper.
        let windowBits: Int32 = coding == .gzip ? 15 + 16 : 15
        guard
            deflateInit2_(
                &stream, Int32(clamping: level), Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return nil }
        defer { deflateEnd(&stream) }
        let bound = Int(deflateBound(&stream, UInt(length)))
        var output = ByteBuffer()
        var succeeded = false
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { destination in
            body.withUnsafeReadableBytes { source in
                // zlib only reads through `next_in`; the C type lacks `const`.
                stream.next_in = UnsafeMutablePointer(
                    mutating: source.bindMemory(to: Bytef.self).baseAddress)
                stream.avail_in = length
                stream.next_out = destination.bindMemory(to: Bytef.self).baseAddress
                stream.avail_out = UInt32(clamping: destination.count)
                succeeded = deflate(&stream, Z_FINISH) == Z_STREAM_END
            }
            return succeeded ? Int(stream.total_out) : 0
        }
        return succeeded ? output : nil
    }
}
