// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// What came out of a client's frames.
package enum WebSocketEvent: Equatable, Sendable {
    /// A whole message; text is valid UTF-8.
    case message(EngineMessage)
    /// To be answered with a pong of the same payload.
    case ping(ByteBuffer)
    case pong(ByteBuffer)
    /// The last event of the connection. The code is nil when the frame had none.
    case close(code: UInt16?, reason: String)
}

/// Turns the bytes of a WebSocket client into messages: all duties of RFC 6455 that a server has.
///
/// Payload bytes are touched once: they are unmasked, eight at a time, on their way from the receive buffer into the
/// message, so fragments join without another copy and a message handed out is a slice nobody copies again. Unmasking
/// inside the receive buffer would be dearer: NIO's pool holds a second reference to it, so the first write copies it.
///
///     receive ─▶ input ─▶ header ─▶ unmask ─▶ payload (text: checked as it comes) ─▶ message
///                                  └────────▶ control ─▶ ping, pong, close
///
/// A message that is there as one whole frame goes a shorter way, ``WholeMessageReader``.
///
/// The message buffer is used again as soon as nobody holds the last message, so small messages do not allocate. What
/// stays between two calls is bounded: at most one unfinished message, never more than has really arrived. Mostly nothing
/// stays; then another connection may go on with the same assembler (`isIdle`, `reset`).
package struct MessageAssembler {
    /// A larger message buffer is given away with its message instead of being kept for the next.
    static let largestKeptCapacity = 1024
    private static let smallestCapacity = 256

    private var limits: WebSocketLimits
    /// Unpacks compressed messages.
    private let inflater: (any MessageDecompressor)?
    private var isCompressionAgreed: Bool
    private var input = ByteBuffer()
    private var isFinished = false

    // The current frame.
    private var header = FrameHeader()
    private var remaining = 0
    private var maskingKey: UInt32 = 0
    private var control = ByteBuffer()

    // The current message: frames seen (0 between messages), and what they carried.
    private var fragments = 0
    private var isText = false
    private var isCompressed = false
    private var payload = ByteBuffer()
    private var validator = UTF8Validator()

    // Control frames since the start of the running second.
    private var controlFrames = 0
    private var secondStart = NIODeadline.distantPast

    /// - Parameter decompressor: for clients that have agreed to `permessage-deflate`; the first one has, if it is given.
    package init(limits: WebSocketLimits, decompressor: (any MessageDecompressor)? = nil) {
        self.limits = limits
        self.inflater = decompressor
        self.isCompressionAgreed = decompressor != nil
    }

    /// Begins with another client, which only an assembler at rest may.
    package mutating func reset(limits: WebSocketLimits, isCompressionAgreed: Bool) {
        if self.limits !== limits { self.limits = limits }
        self.isCompressionAgreed = isCompressionAgreed && inflater != nil
    }

    /// Whether nothing has to be remembered of the client: it is not in the middle of a message or done with, and has sent
    /// no control frames in the running second.
    /// - Parameter now: the monotonic time, asked only after control frames.
    package mutating func isIdle(now: @autoclosure () -> NIODeadline) -> Bool {
        guard isBetweenMessages else { return false }
        if controlFrames > 0, now() >= secondStart + .seconds(1) { controlFrames = 0 }
        return controlFrames == 0
    }

    /// What a compressed message may have on the wire: data that cannot be compressed grows a little.
    private var compressedLimit: Int { limits.maximumMessageSize + limits.maximumMessageSize / 256 + 64 }

    /// Bytes of memory held for the current message; the room it has, not its size.
    package var bufferedCapacity: Int { payload.capacity }

    /// Takes all of `bytes` and leaves it empty. Call `next` until it returns nil.
    package mutating func receive(_ bytes: inout ByteBuffer) {
        if !isFinished {
            if input.readableBytes == 0 { input = bytes } else { input.writeBuffer(&bytes) }
        }
        bytes = ByteBuffer()
    }

    /// The next event, or nil when more bytes are needed.
    ///
    /// After an error or a close event everything else the client sends is dropped.
    /// - Parameter now: the monotonic time, asked only for control frames.
    package mutating func next(now: @autoclosure () -> NIODeadline) throws(WebSocketProtocolError) -> WebSocketEvent? {
        // Between two calls nothing is ready: only bytes bring events.
        guard !isFinished, input.readableBytes > 0 else { return nil }
        do throws(WebSocketProtocolError) {
            while true {
                if !header.isComplete {
                    try readHeader()
                    guard header.isComplete else { break }
                    try beginFrame(now)
                }
                try readPayload()
                guard remaining == 0 else { break }
                let event = try endFrame()
                header = FrameHeader()
                if let event { return event }
            }
        } catch {
            finish()
            throw error
        }
        // All input is consumed: let NIO have its receive buffer back.
        input = ByteBuffer()
        return nil
    }

    /// Returns the bytes that have not been processed, right after an event; nil when there are none.
    package mutating func takeRest() -> ByteBuffer? {
        guard input.readableBytes > 0 else { return nil }
        let rest = input
        input = ByteBuffer()
        return rest
    }

    /// Whether the next byte begins a message, with nothing of it here.
    package var isBetweenMessages: Bool { !isFinished && fragments == 0 && header.isEmpty && input.readableBytes == 0 }

    private mutating func finish() {
        isFinished = true
        input = ByteBuffer()
        payload = ByteBuffer()
        control = ByteBuffer()
    }

    private mutating func readHeader() throws(WebSocketProtocolError) {
        var header = self.header
        let isFragmented = fragments > 0
        let limit = limits.maximumMessageSize
        let compressedRoom = isCompressionAgreed ? compressedLimit : nil
        let room =
            isFragmented ? (isCompressed ? compressedLimit : limit) - payload.readableBytes : limit
        let count = try input.withUnsafeReadableBytes { bytes throws(WebSocketProtocolError) in
            try header.read(
                bytes, isFragmented: isFragmented, room: room, limit: limit, compressedRoom: compressedRoom)
        }
        input.moveReaderIndex(forwardBy: count)
        self.header = header
    }

    private mutating func beginFrame(_ now: () -> NIODeadline) throws(WebSocketProtocolError) {
        // In range: the header was checked against an Int, or is a control frame of at most 125 bytes.
        remaining = Int(truncatingIfNeeded: header.length)
        maskingKey = header.maskingKey
        if header.isControl {
            try countControlFrame(now())
            control.clear(minimumCapacity: remaining)
            return
        }
        if fragments == 0 {
            isText = header.opcode == FrameHeader.text
            isCompressed = header.isCompressed
            validator = UTF8Validator()
            // No more than has arrived: an announced length costs the client nothing.
            payload.clear(minimumCapacity: max(Self.smallestCapacity, min(remaining, input.readableBytes)))
        }
        fragments += 1
        guard fragments <= limits.maximumFragments else { throw .tooManyFragments(limit: limits.maximumFragments) }
    }

    private mutating func countControlFrame(_ now: NIODeadline) throws(WebSocketProtocolError) {
        if now >= secondStart + .seconds(1) {
            secondStart = now
            controlFrames = 0
        }
        controlFrames += 1
        guard controlFrames <= limits.maximumControlFramesPerSecond else {
            throw .tooManyControlFrames(limit: limits.maximumControlFramesPerSecond)
        }
    }

    private mutating func readPayload() throws(WebSocketProtocolError) {
        let count = min(remaining, input.readableBytes)
        guard count > 0 else { return }
        if header.isControl {
            _ = Unmasking.append(count, of: input, key: maskingKey, to: &control)
        } else {
            let isASCII = Unmasking.append(count, of: input, key: maskingKey, to: &payload)
            if isText, !isCompressed, !(isASCII && validator.isComplete) { try validateTail(count) }
        }
        input.moveReaderIndex(forwardBy: count)
        remaining -= count
        maskingKey = Unmasking.rotate(maskingKey, by: count)
    }

    private mutating func validateTail(_ count: Int) throws(WebSocketProtocolError) {
        var validator = self.validator
        let isValid = payload.withUnsafeReadableBytes { bytes in
            validator.consume(UnsafeRawBufferPointer(rebasing: bytes[(bytes.count - count)...]))
        }
        guard isValid else { throw .invalidUTF8 }
        self.validator = validator
    }

    private mutating func endFrame() throws(WebSocketProtocolError) -> WebSocketEvent? {
        switch header.opcode {
        case FrameHeader.ping: return .ping(control)
        case FrameHeader.pong: return .pong(control)
        case FrameHeader.close:
            let event = try ClosePayload.read(control)
            finish()
            return event
        default: break
        }
        guard header.isFinal else { return nil }
        fragments = 0
        if isCompressed, let inflater { return try unpack(inflater) }
        guard !isText || validator.isComplete else { throw .invalidUTF8 }
        let message = takePayload()
        return .message(isText ? .text(message) : .binary(message))
    }

    /// What the frames of the message carried. Its memory is for the next message, if that is small.
    private mutating func takePayload() -> ByteBuffer {
        let message = payload
        if payload.capacity > Self.largestKeptCapacity { payload = ByteBuffer() }
        return message
    }

    private mutating func unpack(
        _ decompressor: any MessageDecompressor
    ) throws(WebSocketProtocolError) -> WebSocketEvent {
        let message = try decompressor.inflate(takePayload(), limit: limits.maximumMessageSize)
        guard isText else { return .message(.binary(message)) }
        guard UTF8Validator.isValid(message) else { throw .invalidUTF8 }
        return .message(.text(message))
    }
}
