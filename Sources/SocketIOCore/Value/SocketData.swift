// Part of socketio-server, MIT licence; see LICENSE.

public import NIOCore

/// Binary data in an event: what a JavaScript client sends or receives as `Buffer`, `ArrayBuffer` or `Uint8Array`.
///
/// In packets it travels as an attachment, without base64. Other encoders (`JSONEncoder` …) write it as a base64 string.
public struct SocketData: Sendable, Hashable {
    /// The bytes.
    public var buffer: ByteBuffer

    /// Wraps a buffer without copying it.
    public init(_ buffer: ByteBuffer) {
        self.buffer = buffer
    }

    /// Copies bytes.
    public init(_ bytes: some Sequence<UInt8>) {
        self.buffer = ByteBuffer(bytes: bytes)
    }

    /// A copy of the bytes.
    public var bytes: [UInt8] { Array(buffer.readableBytesView) }

    /// How many bytes there are.
    public var count: Int { buffer.readableBytes }
}

extension SocketData: ExpressibleByArrayLiteral {
    /// The bytes listed.
    public init(arrayLiteral elements: UInt8...) {
        self.init(elements)
    }
}

extension SocketData: Codable {
    /// Takes an attachment from a packet; from other decoders a base64 string.
    public init(from decoder: any Decoder) throws {
        if let decoder = decoder as? PayloadDecoder {
            self = try decoder.decodeData()
        } else {
            self.buffer = try ByteBuffer(from: decoder)
        }
    }

    /// Becomes an attachment of a packet; a base64 string for other encoders.
    public func encode(to encoder: any Encoder) throws {
        if let encoder = encoder as? PayloadEncoder {
            try encoder.encode(self)
        } else {
            try buffer.encode(to: encoder)
        }
    }
}
