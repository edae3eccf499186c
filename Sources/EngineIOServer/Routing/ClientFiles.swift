// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import NIOHTTP1

/// The browser client's files under the engine's path (protocol 8), read once and kept in memory in every coding.
///
/// A request never names a file: its path is compared with the eight that exist.
struct ClientFiles: Sendable {
    private struct File: Sendable {
        var contentType: String
        var body: NegotiatedBody
    }

    static let names = [
        "socket.io.js", "socket.io.js.map", "socket.io.min.js", "socket.io.min.js.map", "socket.io.msgpack.min.js",
        "socket.io.msgpack.min.js.map", "socket.io.esm.min.js", "socket.io.esm.min.js.map",
    ]

    /// The engine's path with a slash at its end.
    private let prefix: [UInt8]
    /// Whether clients may write their packets as MessagePack.
    private let servesPackedClient: Bool
    private let files: [String: File]

    /// Files that are symbolic links to outside the directory, with their targets. They are not served.
    let strays: [String: String]

    /// Reads what `directory` holds of the eight files; blocking, so only to be called at start.
    ///
    /// - Parameter servesPackedClient: Whether the client that writes MessagePack can connect to this server. Its files are
    ///   not served otherwise.
    init(path: String, directory: String?, servesPackedClient: Bool = true) {
        prefix = Array((path.hasSuffix("/") ? path : path + "/").utf8)
        self.servesPackedClient = servesPackedClient
        var files: [String: File] = [:]
        var strays: [String: String] = [:]
        if let directory {
            for name in Self.names where servesPackedClient || !Self.isPacked(name) {
                do throws(FileBytes.OutsideDirectory) {
                    if let file = try Self.load(name, directory: directory) { files[name] = file }
                } catch {
                    strays[name] = error.path
                }
            }
        }
        self.files = files
        self.strays = strays
    }

    /// Names of the files that were found.
    var available: [String] { Self.names.filter { files[$0] != nil } }

    /// The name of the client file a target asks for, the query aside; nil when it asks for none.
    func name(of target: String) -> String? {
        target.withBytes { bytes in
            guard bytes.begins(with: prefix) else { return nil }
            let rest = bytes[prefix.count...].prefix { $0 != UInt8(ascii: "?") }
            // Nearly always: a request for the engine.
            guard !rest.isEmpty else { return nil }
            return Self.names.first { $0.utf8.elementsEqual(rest) }
        }
    }

    func answer(name: String, request: HTTPServerRequest) -> HTTPServerResponse {
        guard request.method == .GET || request.method == .HEAD else {
            return Self.text(
                status: .methodNotAllowed, headers: ["Allow": "GET, HEAD"], "\(name) is served to GET and HEAD only\n")
        }
        guard servesPackedClient || !Self.isPacked(name) else {
            return Self.text(
                status: .notFound,
                "Clients of this server do not write MessagePack, as this one does; see the setting `parser`.\n")
        }
        guard let file = files[name] else {
            return Self.text(
                status: .notFound,
                "This server has no \(name). `make client` fetches the browser client; "
                    + "then set the client directory of the server to it, or load the client from elsewhere.\n")
        }
        let known = request.headers["if-none-match"]
        let answer = file.body.answer(
            acceptEncoding: request.headers["accept-encoding"].joined(separator: ","),
            ifNoneMatch: known.isEmpty ? nil : known.joined(separator: ","))
        var headers: HTTPHeaders = [
            "Cache-Control": "public, max-age=0", "ETag": answer.entityTag, "X-Content-Type-Options": "nosniff",
        ]
        if let vary = file.body.vary { headers.add(name: "Vary", value: vary) }
        guard !answer.isKnown else { return HTTPServerResponse(status: .notModified, headers: headers) }
        headers.add(name: "Content-Type", value: file.contentType)
        if let coding = answer.coding { headers.add(name: "Content-Encoding", value: coding.rawValue) }
        return HTTPServerResponse(status: .ok, headers: headers, body: answer.body)
    }

    /// Whether the file is of the client that writes MessagePack.
    private static func isPacked(_ name: String) -> Bool { name.utf8.starts(with: "socket.io.msgpack.".utf8) }

    private static func text(
        status: HTTPResponseStatus, headers: HTTPHeaders = [:], _ message: String
    ) -> HTTPServerResponse {
        var headers = headers
        headers.add(name: "Content-Type", value: "text/plain; charset=utf-8")
        headers.add(name: "X-Content-Type-Options", value: "nosniff")
        return HTTPServerResponse(status: status, headers: headers, body: ByteBuffer(string: message))
    }

    private static func load(_ name: String, directory: String) throws(FileBytes.OutsideDirectory) -> File? {
        guard let plain = try FileBytes.read(name, in: directory) else { return nil }
        let body = NegotiatedBody(plain, brotli: try FileBytes.read("\(name).br", in: directory))
        let type = name.hasSuffix(".map") ? "application/json" : "application/javascript"
        return File(contentType: "\(type); charset=utf-8", body: body)
    }
}
