// Part of socketio-server, MIT licence; see LICENSE.

internal import HTTPServerCore
internal import HTTPTypes
public import Hummingbird
internal import NIOCore

/// A page, script or picture that is kept in memory, as it is and compressed.
///
/// ```swift
/// let page = MemoryFile(Array(html.utf8), contentType: "text/html; charset=utf-8")
/// router.get("/") { request, _ in page.response(to: request) }
/// ```
public struct MemoryFile: Sendable {
    private let body: NegotiatedBody
    private let headers: HTTPFields

    /// Compresses the bytes, which takes some milliseconds for each 100 kB.
    ///
    /// - Parameters:
    ///   - bytes: the contents.
    ///   - contentType: the value of `Content-Type`.
    ///   - headers: more headers of each answer. `Cache-Control: no-cache` is among them unless they have another one: clients
    ///     keep the file, and ask each time whether it has changed.
    public init(_ bytes: [UInt8], contentType: String, headers: HTTPFields = [:]) {
        body = NegotiatedBody(ByteBuffer(bytes: bytes))
        var headers = headers
        headers[.contentType] = contentType
        if headers[.cacheControl] == nil { headers[.cacheControl] = "no-cache" }
        self.headers = headers
    }

    /// The answer to a `GET` or `HEAD` request, compressed when the client accepts that and it makes the file shorter, with
    /// `ETag` and `Vary`; 304 without contents when the client has that form already (RFC 9110, 12.5.3 and 13.1.2).
    public func response(to request: Request) -> Response {
        let answer = body.answer(
            acceptEncoding: request.headers[.acceptEncoding], ifNoneMatch: request.headers[.ifNoneMatch])
        var headers = headers
        headers[.eTag] = answer.entityTag
        if let vary = body.vary { headers.append(HTTPField(name: .vary, value: vary)) }
        guard !answer.isKnown else {
            headers[.contentType] = nil
            return Response(status: .notModified, headers: headers)
        }
        if let coding = answer.coding { headers[.contentEncoding] = coding.rawValue }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: answer.body))
    }
}
