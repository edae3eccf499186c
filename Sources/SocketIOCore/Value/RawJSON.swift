// Part of socketio-server, MIT licence; see LICENSE.

public import NIOCore

/// A JSON value kept as the text it arrived in, with the binary data it refers to.
///
/// Use it for arguments that are only passed on: nothing is decoded and the bytes stay as the client wrote them.
///
/// ```swift
/// socket.on("draw") { (stroke: RawJSON) in socket.broadcast.emit("draw", stroke) }
/// ```
public struct RawJSON: Sendable {
    /// The text; placeholders stand for binary data.
    package let text: ByteBuffer
    /// What the placeholders refer to.
    package let attachments: [ByteBuffer]

    /// Text that has been validated.
    package init(validated text: ByteBuffer, attachments: [ByteBuffer]) {
        self.text = text
        self.attachments = attachments
    }

    /// Checks JSON text of your own and keeps it.
    public init(_ json: String) throws(JSONError) {
        try self.init(ByteBuffer(string: json))
    }

    /// Checks JSON text of your own and keeps it.
    public init(_ json: ByteBuffer) throws(JSONError) {
        try JSONScanner.validate(json)
        self.init(validated: json, attachments: [])
    }

    /// Writes a value as JSON.
    public init(encoding value: some Encodable) throws {
        try self.init(encoding: value, maximumDepth: JSONScanner.maximumDepth)
    }

    /// Writes a value as JSON that will be embedded in other JSON.
    package init(encoding value: some Encodable, maximumDepth: Int) throws {
        var writer = ArgumentWriter(maximumDepth: maximumDepth, bracketed: false)
        try writer.append(value)
        let encoded = writer.finish()
        self.init(validated: encoded.json, attachments: encoded.attachments)
    }

    /// The JSON text. Binary data appears as its placeholder.
    public var json: String { String(buffer: text) }

    /// Whether binary data may belong to it.
    public var hasAttachments: Bool { !attachments.isEmpty }

    /// Decodes it after all. Throws `DecodingError`.
    public func decode<T: Decodable>(_ type: T.Type = T.self) throws -> T {
        try PayloadCore(text, attachments: attachments, argument: nil, context: nil).decode(type, at: 0)
    }

    /// The same; the decoder, a ``PayloadDecoder``, shows what is being decoded `context`.
    package func decode<T: Decodable>(_ type: T.Type, context: AnyObject) throws -> T {
        try PayloadCore(text, attachments: attachments, argument: nil, context: context).decode(type, at: 0)
    }

    /// The dynamic form.
    public var value: SocketValue {
        PayloadCore(text, attachments: attachments, argument: nil, context: nil).value(at: 0)
    }
}

extension RawJSON: CustomStringConvertible {
    /// The JSON text.
    public var description: String { json }
}

extension RawJSON: Codable {
    /// Takes the text as it is. Other decoders than ours have no text to give: the value is written anew.
    public init(from decoder: any Decoder) throws {
        if let decoder = decoder as? PayloadDecoder {
            self = decoder.decodeRaw()
        } else {
            try self.init(encoding: SocketValue(from: decoder))
        }
    }

    /// Writes the text as it is, with its binary data as attachments. Other encoders get the decoded value.
    public func encode(to encoder: any Encoder) throws {
        if let encoder = encoder as? PayloadEncoder {
            try encoder.encode(self)
        } else {
            try value.encode(to: encoder)
        }
    }
}
