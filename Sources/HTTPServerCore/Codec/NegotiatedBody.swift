// Part of socketio-server, MIT licence; see LICENSE.

internal import ByteText
package import NIOCore

/// A body that does not change, kept in every coding in which it is smaller, each with an entity tag of its own (RFC 9110,
/// 8.8.3 and 12.5.3).
package struct NegotiatedBody: Sendable {
    /// What a request gets.
    package struct Answer: Sendable {
        /// Whether the client has this very form already; then there is no body.
        package let isKnown: Bool
        /// Nil for the body as it is.
        package let coding: ContentCoding?
        package let entityTag: String
        package let body: ByteBuffer
    }

    private let plain: ByteBuffer
    private let encoded: [ContentCoding: ByteBuffer]
    private let offered: [ContentCoding]
    private let tags: [ContentCoding?: String]

    /// Compresses, which takes a while.
    ///
    /// - Parameter brotli: The Brotli form, which is not made here.
    package init(_ plain: ByteBuffer, brotli: ByteBuffer? = nil) {
        var encoded: [ContentCoding: ByteBuffer] = [:]
        encoded[.gzip] = BodyCompression.compress(plain, coding: .gzip, level: 9)
        encoded[.deflate] = BodyCompression.compress(plain, coding: .deflate, level: 9)
        encoded[.brotli] = brotli
        encoded = encoded.filter { $0.value.readableBytes < plain.readableBytes }
        self.plain = plain
        self.encoded = encoded
        offered = ContentCoding.allCases.filter { encoded[$0] != nil }
        // What is made here is named after the plain bytes, so that nodes with different zlibs agree; the Brotli form is a file of
        // its own.
        let tag = Self.hash(plain)
        tags = encoded.reduce(into: [nil: "\"\(tag)\""]) { tags, form in
            let own = form.key == .brotli ? Self.hash(form.value) : tag
            tags[form.key] = "\"\(own)-\(form.key.rawValue)\""
        }
    }

    /// FNV-1a of the bytes: changes whenever they do, which is all an entity tag must.
    private static func hash(_ bytes: ByteBuffer) -> String {
        let hash = bytes.readableBytesView.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01b3
        }
        return String(hash, radix: 16)
    }

    /// The value of `Vary`; nil when all clients get the same bytes.
    package var vary: String? { offered.isEmpty ? nil : "Accept-Encoding" }

    /// Chooses the form for a request.
    ///
    /// - Parameters:
    ///   - acceptEncoding: The values of the header, joined by commas.
    ///   - ifNoneMatch: The same.
    package func answer(acceptEncoding: String?, ifNoneMatch: String?) -> Answer {
        let coding = ContentCoding.negotiate(acceptEncoding, offered: offered)
        let entityTag = tags[coding] ?? ""
        let isKnown = ifNoneMatch.map { Self.list($0, contains: entityTag) } ?? false
        let body = isKnown ? ByteBuffer() : coding.flatMap { encoded[$0] } ?? plain
        return Answer(isKnown: isKnown, coding: coding, entityTag: entityTag, body: body)
    }

    /// Weak comparison (RFC 9110, 13.1.2). The tags here have no commas, so a list can be split at them.
    private static func list(_ text: String, contains tag: String) -> Bool {
        text.utf8.split(separator: UInt8(ascii: ","), maxSplits: 64).contains { element in
            let element = Substring(element).trimmingBlanks
            let strong = element.utf8.starts(with: "W/".utf8) ? element.dropFirst(2) : element
            return element.utf8.elementsEqual("*".utf8) || strong.utf8.elementsEqual(tag.utf8)
        }
    }
}
