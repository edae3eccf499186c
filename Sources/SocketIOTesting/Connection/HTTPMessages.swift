// Part of socketio-server, MIT licence; see LICENSE.

/// A request as it is put on the wire: nothing is added but `Host` and `Content-Length` where they are missing.
public struct HTTPTestRequest: Sendable {
    /// The method, for example `GET`.
    public var method: String
    /// The request target, not encoded further.
    public var path: String
    /// Header fields in order.
    public var headers: [(name: String, value: String)]
    /// The body; nil sends none and no `Content-Length`.
    public var body: [UInt8]?

    /// A request; `headers` are sent in order.
    public init(
        _ method: String = "GET", _ path: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil
    ) {
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
    }

    /// The bytes of the request.
    public var encoded: [UInt8] {
        var head = "\(method) \(path) HTTP/1.1\r\n"
        if !has("host") { head += "Host: localhost\r\n" }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if let body, !has("content-length"), !has("transfer-encoding") { head += "Content-Length: \(body.count)\r\n" }
        head += "\r\n"
        return Array(head.utf8) + (body ?? [])
    }

    private func has(_ name: String) -> Bool { headers.contains { $0.name.lowercased() == name } }
}

/// A response as it arrived; a chunked body is joined.
public struct HTTPTestResponse: Sendable, CustomStringConvertible {
    /// Status code.
    public var status: Int
    /// Reason phrase.
    public var reason: String
    /// Header fields in the order they arrived, names as sent.
    public var headers: [(name: String, value: String)]
    /// The body.
    public var body: [UInt8]

    /// The values of a header field, names compared without case.
    public func values(_ name: String) -> [String] {
        headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    /// The first value of a header field.
    public subscript(_ name: String) -> String? { values(name).first }

    /// The body as text; bytes that are not UTF-8 are replaced.
    public var text: String { String(decoding: body, as: UTF8.self) }

    /// One line for failed tests.
    public var description: String { "\(status) \(reason) \(text.prefix(200))" }
}
