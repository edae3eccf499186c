// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
package import NIOCore
package import NIOHTTP1

/// The opening handshake of RFC 6455, section 4.2: what a request must have, and the 101.
package struct WebSocketHandshake {
    /// Why a request cannot become a WebSocket.
    package struct Refusal: Error {
        package var status: HTTPResponseStatus
        package var message: String
        package var headers: HTTPHeaders = [:]
    }

    /// The headers that matter, found in one go. Of repeated ones the first is kept.
    private struct Offer {
        var version = ""
        var versions = 0
        var key = ""
        var keys = 0
        var protocols: String?
        var hasExtensions = false

        init(_ headers: HTTPHeaders) {
            for (name, value) in headers {
                switch name.utf8.count {
                case 17 where name.equalsIgnoringCase("sec-websocket-key"):
                    if keys == 0 { key = value }
                    keys += 1
                case 21 where name.equalsIgnoringCase("sec-websocket-version"):
                    if versions == 0 { version = value }
                    versions += 1
                case 22 where name.equalsIgnoringCase("sec-websocket-protocol"):
                    if protocols == nil { protocols = value }
                case 24 where name.equalsIgnoringCase("sec-websocket-extensions"):
                    hasExtensions = true
                default:
                    break
                }
            }
        }
    }

    private static let guid: StaticString = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    private let accept: String
    private let subprotocol: String?
    /// What has been agreed on about compression; nil for none.
    package let deflate: DeflateAgreement?

    /// - Parameter allowsCompression: whether an offer of `permessage-deflate` is accepted. Otherwise nobody looks at
    ///   what extensions are offered.
    package init(_ request: HTTPServerRequest, allowsCompression: Bool = false) throws(Refusal) {
        guard request.method == .GET else {
            throw Refusal(status: .methodNotAllowed, message: "Method Not Allowed", headers: ["Allow": "GET"])
        }
        guard request.isUpgrade else { throw Refusal(status: .badRequest, message: "Invalid Upgrade header") }
        let offer = Offer(request.headers)
        guard offer.versions == 1 else {
            throw Refusal(status: .badRequest, message: "Missing or repeated Sec-WebSocket-Version header")
        }
        guard offer.version.hasSameBytes(as: "13") else {
            throw Refusal(
                status: .upgradeRequired, message: "Unsupported WebSocket version",
                headers: ["Sec-WebSocket-Version": "13"])
        }
        guard offer.keys == 1, Self.isKey(offer.key) else {
            throw Refusal(status: .badRequest, message: "Missing or invalid Sec-WebSocket-Key header")
        }
        if let protocols = offer.protocols {
            let list = protocols.split(byte: UInt8(ascii: ","), maxSplits: 1, omittingEmptySubsequences: false)
            let first = list[0].trimmingBlanks
            guard Self.isToken(first) else {
                throw Refusal(status: .badRequest, message: "Invalid Sec-WebSocket-Protocol header")
            }
            subprotocol = String(first)
        } else {
            subprotocol = nil
        }
        if allowsCompression, offer.hasExtensions {
            guard let offers = ExtensionOffer.parse(request.headers["Sec-WebSocket-Extensions"]) else {
                throw Refusal(status: .badRequest, message: "Invalid Sec-WebSocket-Extensions header")
            }
            deflate = DeflateAgreement(offers)
        } else {
            deflate = nil
        }
        accept = Self.accept(for: offer.key)
    }

    /// The 101, with `headers` from CORS, cookie and hooks added.
    package func response(adding headers: HTTPHeaders) -> ByteBuffer {
        var response = ByteBuffer()
        response.reserveCapacity(512)
        response.writeStaticString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        response.writeStaticString("Sec-WebSocket-Accept: ")
        response.writeString(accept)
        response.writeStaticString("\r\n")
        if let subprotocol { response.writeString("Sec-WebSocket-Protocol: \(subprotocol)\r\n") }
        if let deflate { response.writeString("Sec-WebSocket-Extensions: \(deflate.headerValue)\r\n") }
        // A hook's line break must not become a header of its own.
        for (name, value) in headers where !name.isEmpty && Self.isSafe(name) && Self.isSafe(value) {
            response.writeString("\(name): \(value)\r\n")
        }
        response.writeStaticString("\r\n")
        return response
    }

    static func accept(for key: String) -> String {
        String(unsafeUninitializedCapacity: Base64.encodedLength(SHA1.length)) { text in
            key.withBytes { key in
                let guid = UnsafeRawBufferPointer(start: guid.utf8Start, count: guid.utf8CodeUnitCount)
                let size = SHA1.length + key.count + guid.count
                withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { memory in
                    let digest = UnsafeMutableRawBufferPointer(rebasing: memory[..<SHA1.length])
                    let message = UnsafeMutableRawBufferPointer(rebasing: memory[SHA1.length...])
                    message.copyMemory(from: key)
                    UnsafeMutableRawBufferPointer(rebasing: message[key.count...]).copyMemory(from: guid)
                    SHA1.hash(UnsafeRawBufferPointer(message), into: digest)
                    Base64.encode(UnsafeRawBufferPointer(digest), into: UnsafeMutableRawBufferPointer(text))
                }
            }
            return Base64.encodedLength(SHA1.length)
        }
    }

    /// 16 bytes in base64.
    private static func isKey(_ key: String) -> Bool {
        guard key.utf8.count == 24 else { return false }
        return key.withBytes { bytes in
            guard bytes[22] == UInt8(ascii: "="), bytes[23] == UInt8(ascii: "=") else { return false }
            return bytes[..<22].allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
                    true
                default: false
                }
            }
        }
    }

    private static func isToken(_ text: Substring) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"()<>@,;:\\\"/[]?={}".utf8.contains($0) }
    }

    private static func isSafe(_ text: String) -> Bool {
        text.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }
    }
}
