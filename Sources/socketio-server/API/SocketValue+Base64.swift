// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

extension SocketValue {
    /// The same with `{"base64": "…"}` in place of byte strings, which clients acknowledge with and `data` may hold.
    var withBase64: SocketValue {
        switch self {
        case .binary(let data):
            var text = ByteBuffer()
            Base64.append(data.buffer.readableBytesView, to: &text)
            return ["base64": .string(String(buffer: text))]
        case .array(let elements): return .array(elements.map(\.withBase64))
        case .object(let members): return .object(SocketObject(members.map { ($0.key, $0.value.withBase64) }))
        case .null, .bool, .int, .double, .string: return self
        }
    }
}

extension RawJSON {
    /// JSON of something that has values of clients in it, which are nested as deep as clients may nest theirs, and a few levels more
    /// with what is around them.
    init(around value: SocketValue) throws {
        try self.init(encoding: value.withBase64, maximumDepth: JSONScanner.maximumDepth + 8)
    }
}
