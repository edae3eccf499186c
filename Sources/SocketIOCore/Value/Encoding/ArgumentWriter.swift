// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// The finished data of an EVENT or ACK.
package struct EncodedArguments: Sendable, Equatable {
    /// The JSON array. Its reader index stands after the headroom that was asked for, so that a packet header can be
    /// written in front of it without copying.
    package var json: ByteBuffer
    /// The binary data, in the order of the placeholders.
    package var attachments: [ByteBuffer]

    /// Data that has been written or validated elsewhere.
    package init(json: ByteBuffer, attachments: [ByteBuffer]) {
        self.json = json
        self.attachments = attachments
    }
}

/// Writes the arguments of an event or acknowledgement as a JSON array (protocol 3.2).
///
/// ```swift
/// var writer = ArgumentWriter(eventName: "chat message")
/// try writer.append(message)
/// let arguments = writer.finish()
/// ```
///
/// An argument that cannot be encoded throws and leaves no trace; the writer can go on. Copies share their state: use
/// one at a time.
package struct ArgumentWriter {
    private let core: EncoderCore
    private var isFirst = true
    private let isBracketed: Bool
    private let headroom: Int

    /// Starts an array.
    ///
    /// - Parameters:
    ///   - headroom: Bytes left free in front of the array.
    ///   - capacity: How many bytes to expect.
    ///   - maximumDepth: How deeply arguments may nest, the array itself counted.
    package init(headroom: Int = 0, capacity: Int = 240, maximumDepth: Int = JSONScanner.maximumDepth) {
        self.init(headroom: headroom, capacity: capacity, maximumDepth: maximumDepth, bracketed: true)
    }

    /// Starts an array with an event's name.
    package init(
        eventName: String, headroom: Int = 0, capacity: Int = 240, maximumDepth: Int = JSONScanner.maximumDepth
    ) {
        self.init(headroom: headroom, capacity: capacity, maximumDepth: maximumDepth, bracketed: true)
        core.output.writeString(eventName)
        isFirst = false
    }

    /// Writes a single value without brackets when `bracketed` is false.
    init(
        headroom: Int = 0, capacity: Int = 240, maximumDepth: Int = JSONScanner.maximumDepth, bracketed: Bool
    ) {
        self.core = EncoderCore(capacity: capacity, maximumDepth: maximumDepth, depth: bracketed ? 1 : 0)
        self.headroom = headroom
        self.isBracketed = bracketed
        if bracketed { core.output.write(UInt8(ascii: "[")) }
    }

    /// Appends a value. Throws `EncodingError`, or what the value's own `encode(to:)` throws.
    package mutating func append<T: Encodable>(_ value: T) throws {
        try append { core throws in try core.write(value) }
    }

    /// Appends an element of another payload byte for byte, with its attachments; null when it does not exist.
    package mutating func append(_ payload: PacketPayload, at index: Int) throws {
        guard let slice = payload.slice(at: index) else { return try append(SocketValue.null) }
        try append(RawJSON(validated: slice, attachments: payload.attachments))
    }

    /// Appends the elements of another payload byte for byte, from `start` on.
    package mutating func append(contentsOf payload: PacketPayload, from start: Int = 0) throws {
        for index in max(start, 0)..<max(start, payload.count, 0) { try append(payload, at: index) }
    }

    private mutating func append(_ body: (EncoderCore) throws -> Void) throws {
        let mark = core.mark()
        do {
            if !isFirst { core.output.write(UInt8(ascii: ",")) }
            try body(core)
            try core.finishValue()
            isFirst = false
        } catch {
            core.rollBack(to: mark)
            throw error
        }
    }

    /// Ends the array and hands it over. The writer must not be used afterwards.
    package mutating func finish() -> EncodedArguments {
        if isBracketed { core.output.write(UInt8(ascii: "]")) }
        return EncodedArguments(json: core.output.buffer(headroom: headroom), attachments: core.attachments)
    }
}
