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

    private static let guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    private let accept: String
    private let subprotocol: String?
    /// What has been agreed on about compression; nil for none.
    package let deflate: DeflateAgreement?

    /// - Parameter allowsCompression: whether an offer of `permessage-deflate` is accepted. Otherwise nobody looks at
    ///   what extensions are offered.
    package init(_ request: EngineRequest, allowsCompression: Bool = false) throws(Refusal) {
        guard request.method == .GET else {
            throw Refusal(status: .methodNotAllowed, message: "Method Not Allowed", headers: ["Allow": "GET"])
        }
        guard request.isUpgrade else { throw Refusal(status: .badRequest, message: "Invalid Upgrade header") }
        let versions = request.headers["Sec-WebSocket-Version"]
        guard versions.count == 1 else {
            throw Refusal(status: .badRequest, message: "Missing or repeated Sec-WebSocket-Version header")
        }
        guard versions[0] == "13" else {
            throw Refusal(
                status: .upgradeRequired, message: "Unsupported WebSocket version",
                headers: ["Sec-WebSocket-Version": "13"])
        }
        let keys = request.headers["Sec-WebSocket-Key"]
        guard keys.count == 1, Self.isKey(keys[0]) else {
            throw Refusal(status: .badRequest, message: "Missing or invalid Sec-WebSocket-Key header")
        }
        if let offer = request.headers.first(name: "Sec-WebSocket-Protocol") {
            let first = offer.prefix { $0 != "," }.trimmed()
            guard Self.isToken(first) else {
                throw Refusal(status: .badRequest, message: "Invalid Sec-WebSocket-Protocol header")
            }
            subprotocol = String(first)
        } else {
            subprotocol = nil
        }
        if allowsCompression, request.headers.contains(name: "Sec-WebSocket-Extensions") {
            guard let offers = ExtensionOffer.parse(request.headers["Sec-WebSocket-Extensions"]) else {
                throw Refusal(status: .badRequest, message: "Invalid Sec-WebSocket-Extensions header")
            }
            deflate = DeflateAgreement(offers)
        } else {
            deflate = nil
        }
        accept = Self.accept(for: keys[0])
    }

    /// The 101, with `headers` from CORS, cookie and hooks added.
    package func response(adding headers: HTTPHeaders) -> ByteBuffer {
        var response = ByteBuffer()
        response.writeStaticString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        response.writeString("Sec-WebSocket-Accept: \(accept)\r\n")
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
        var encoded = ByteBuffer()
        Base64.append(ByteBuffer(bytes: SHA1.hash((key + guid).utf8)).readableBytesView, to: &encoded)
        return String(buffer: encoded)
    }

    /// 16 bytes in base64.
    private static func isKey(_ key: String) -> Bool {
        key.utf8.count == 24 && key.hasSuffix("==")
            && key.utf8.dropLast(2).allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
                    true
                default: false
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

extension StringProtocol where SubSequence == Substring {
    fileprivate func trimmed() -> Substring {
        var text = self[...]
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
