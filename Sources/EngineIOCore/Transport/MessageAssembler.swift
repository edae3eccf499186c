// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// What a WebSocket client may cost.
package struct WebSocketLimits: Equatable, Sendable {
    /// Largest message in bytes, over all its fragments; more closes with 1009.
    package var maximumMessageSize: Int
    /// Largest number of frames of one message; more closes with 1008.
    package var maximumFragments: Int
    /// Pings, pongs and close frames in one second; more closes with 1008.
    package var maximumControlFramesPerSecond: Int

    package init(
        maximumMessageSize: Int, maximumFragments: Int = 1024, maximumControlFramesPerSecond: Int = 50
    ) {
        self.maximumMessageSize = maximumMessageSize
        self.maximumFragments = maximumFragments
        self.maximumControlFramesPerSecond = maximumControlFramesPerSecond
    }
}

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

/// The buffer that messages of all connections of one loop are made in, one after the other.
///
/// It stays in the processor's cache, where a buffer for each connection would be fetched for each message, and costs an
/// idle connection nothing. Confined to the loop, hence `@unchecked Sendable`.
package final class MessageBuffer: @unchecked Sendable {
    @exclusivity(unchecked) fileprivate var spare: ByteBuffer?

    package init() {}

    /// An empty buffer, to be given back as `spare`.
    fileprivate func take(capacity: Int) -> ByteBuffer {
        guard var buffer = spare else { return ByteBufferAllocator().buffer(capacity: capacity) }
        spare = nil
        // Memory of its own unless nobody else holds this.
        buffer.clear(minimumCapacity: capacity)
        return buffer
    }
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
/// The message buffer comes from the loop (``MessageBuffer``) and goes back with the message; when nobody holds that any
/// longer, the next small message does not allocate. What stays between two calls is bounded: at most one unfinished
/// message, never more than has really arrived.
package struct MessageAssembler: Sendable {
    /// A larger message buffer is given away with its message instead of being kept for the next.
    private static let largestKeptCapacity = 1024
    private static let smallestCapacity = 256

    private let limits: WebSocketLimits
    /// Unpacks compressed messages; nil when they are not allowed.
    private let decompressor: (any MessageDecompressor)?
    private let buffer: MessageBuffer
    // Nil rather than empty where possible: all empty buffers of the process share one reference count, which the loops
    // would fight for.
    private var input: ByteBuffer?
    private var isFinished = false

    // The current frame.
    private var header = FrameHeader()
    private var remaining = 0
    private var maskingKey: UInt32 = 0
    private var control: ByteBuffer?

    // The current message: frames seen (0 between messages), and what they carried.
    private var fragments = 0
    private var isText = false
    private var isCompressed = false
    private var payload: ByteBuffer?
    private var validator = UTF8Validator()

    // Control frames since the start of the running second.
    private var controlFrames = 0
    private var secondStart = NIODeadline.distantPast

    /// - Parameters:
    ///   - decompressor: for a client that has agreed to `permessage-deflate`.
    ///   - buffer: of the loop.
    package init(
        limits: WebSocketLimits, decompressor: (any MessageDecompressor)? = nil, buffer: MessageBuffer = MessageBuffer()
    ) {
        self.limits = limits
        self.buffer = buffer
        self.decompressor = decompressor
    }

    /// What a compressed message may have on the wire: data that cannot be compressed grows a little.
    private var compressedLimit: Int { limits.maximumMessageSize + limits.maximumMessageSize / 256 + 64 }

    /// Bytes of memory held for the current message; the room it has, not its size.
    package var bufferedCapacity: Int { payload?.capacity ?? 0 }

    /// Takes `bytes`. Call `next` until it returns nil.
    package mutating func receive(_ bytes: ByteBuffer) {
        guard !isFinished else { return }
        if (input?.readableBytes ?? 0) > 0 { input?.writeImmutableBuffer(bytes) } else { input = bytes }
    }

    /// The next event, or nil when more bytes are needed.
    ///
    /// After an error or a close event everything else the client sends is dropped.
    /// - Parameter now: the monotonic time, asked only for control frames.
    package mutating func next(now: @autoclosure () -> NIODeadline) throws(WebSocketProtocolError) -> WebSocketEvent? {
        guard !isFinished else { return nil }
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
        input = nil
        return nil
    }

    private mutating func finish() {
        isFinished = true
        input = nil
        payload = nil
        control = nil
    }

    private mutating func readHeader() throws(WebSocketProtocolError) {
        var header = self.header
        let isFragmented = fragments > 0
        let limit = limits.maximumMessageSize
        let compressedRoom = decompressor == nil ? nil : compressedLimit
        let room =
            isFragmented ? (isCompressed ? compressedLimit : limit) - (payload?.readableBytes ?? 0) : limit
        let count = try input?.withUnsafeReadableBytes { bytes throws(WebSocketProtocolError) in
            try header.read(
                bytes, isFragmented: isFragmented, room: room, limit: limit, compressedRoom: compressedRoom)
        }
        guard let count else { return }
        input?.moveReaderIndex(forwardBy: count)
        self.header = header
    }

    private mutating func beginFrame(_ now: () -> NIODeadline) throws(WebSocketProtocolError) {
        // In range: the header was checked against an Int, or is a control frame of at most 125 bytes.
        remaining = Int(truncatingIfNeeded: header.length)
        maskingKey = header.maskingKey
        if header.isControl {
            try countControlFrame(now())
            control = ByteBufferAllocator().buffer(capacity: remaining)
            return
        }
        if fragments == 0 {
            isText = header.opcode == FrameHeader.text
            isCompressed = header.isCompressed
            validator = UTF8Validator()
            // No more than has arrived: an announced length costs the client nothing.
            payload = buffer.take(
                capacity: max(Self.smallestCapacity, min(remaining, input?.readableBytes ?? 0)))
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
        guard let input else { return }
        let count = min(remaining, input.readableBytes)
        guard count > 0 else { return }
        if header.isControl {
            _ = Unmasking.append(count, of: input, key: maskingKey, to: &control)
        } else {
            let isASCII = Unmasking.append(count, of: input, key: maskingKey, to: &payload)
            if isText, !isCompressed, !(isASCII && validator.isComplete) { try validateTail(count) }
        }
        self.input?.moveReaderIndex(forwardBy: count)
        remaining -= count
        maskingKey = Unmasking.rotate(maskingKey, by: count)
    }

    private mutating func validateTail(_ count: Int) throws(WebSocketProtocolError) {
        var validator = self.validator
        let isValid = payload?.withUnsafeReadableBytes { bytes in
            validator.consume(UnsafeRawBufferPointer(rebasing: bytes[(bytes.count - count)...]))
        }
        guard isValid == true else { throw .invalidUTF8 }
        self.validator = validator
    }

    private mutating func endFrame() throws(WebSocketProtocolError) -> WebSocketEvent? {
        switch header.opcode {
        case FrameHeader.ping: return .ping(takeControl())
        case FrameHeader.pong: return .pong(takeControl())
        case FrameHeader.close:
            let event = try ClosePayload.read(takeControl())
            finish()
            return event
        default: break
        }
        guard header.isFinal else { return nil }
        fragments = 0
        if isCompressed, let decompressor { return try unpack(decompressor) }
        guard !isText || validator.isComplete else { throw .invalidUTF8 }
        let message = takePayload()
        return .message(isText ? .text(message) : .binary(message))
    }

    private mutating func takeControl() -> ByteBuffer {
        defer { control = nil }
        return control ?? ByteBuffer()
    }

    /// The whole message. Its buffer goes back to the loop at the same time, and is used again once the message is gone.
    private mutating func takePayload() -> ByteBuffer {
        let message = payload ?? ByteBuffer()
        payload = nil
        if message.capacity <= Self.largestKeptCapacity { buffer.spare = message }
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
