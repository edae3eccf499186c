// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

extension PacketPayload {
    /// Decodes an element.
    ///
    /// An element that does not exist counts as null, as an argument that a JavaScript client left out: optional types
    /// become nil, others throw `DecodingError.valueNotFound`.
    ///
    /// - Parameter context: Reaches `init(from:)` of the type as `PayloadDecoder.context`.
    package func decode<T: Decodable>(
        _ type: T.Type = T.self, at index: Int, context: AnyObject? = nil
    ) throws -> T {
        // The casts are between identical types; `as!` would cost a dynamic cast each.
        if T.self == RawJSON.self { return unsafeBitCast(rawJSON(at: index), to: T.self) }
        if T.self == String.self, let string = string(at: index) { return unsafeBitCast(string, to: T.self) }
        if T.self == Int.self, let integer = integer(at: index) { return unsafeBitCast(integer, to: T.self) }
        if T.self == Double.self, let double = double(at: index) { return unsafeBitCast(double, to: T.self) }
        return try core(at: index, context: context).decode(type, at: 0)
    }

    /// The dynamic form of an element; null when there is none.
    package func value(at index: Int) -> SocketValue {
        core(at: index, context: nil).value(at: 0)
    }

    /// The text of an element with the attachments, for passing on; null when there is none.
    package func rawJSON(at index: Int) -> RawJSON {
        RawJSON(validated: slice(at: index) ?? Self.null, attachments: attachments)
    }

    // MARK: Without a tape

    // Nil sends the caller to the decoder, which knows every conversion and every error.

    private func string(at index: Int) -> String? {
        guard leadingByte(at: index) == UInt8(ascii: "\"") else { return nil }
        return withBytes(at: index) { JSONString.make(quoted: $0) }
    }

    private func integer(at index: Int) -> Int? {
        guard let byte = leadingByte(at: index), Self.startsNumber(byte) else { return nil }
        return withBytes(at: index) { text in
            guard text.dropFirst().allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) else { return nil }
            return JSONNumber.integer(text, isPlain: true, as: Int.self)
        }
    }

    private func double(at index: Int) -> Double? {
        guard let byte = leadingByte(at: index), Self.startsNumber(byte) else { return nil }
        let value = withBytes(at: index) { JSONNumber.double($0) }
        return value.isFinite ? value : nil
    }

    private static func startsNumber(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "-") || byte &- UInt8(ascii: "0") < 10
    }

    /// `index` exists: its leading byte has been looked at.
    private func withBytes<T>(at index: Int, _ body: (UnsafeRawBufferPointer) -> T) -> T {
        let range = elements[index]
        return text.withUnsafeReadableBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    private static let null = ByteBuffer(staticString: "null")

    private func core(at index: Int, context: AnyObject?) -> PayloadCore {
        PayloadCore(slice(at: index) ?? Self.null, attachments: attachments, argument: index, context: context)
    }
}
