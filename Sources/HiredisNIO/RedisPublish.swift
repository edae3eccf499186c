// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// A PUBLISH, or another command that carries a message, as it goes to Redis, made where the message is made.
///
/// One allocation holds the whole command; channel and payload are slices of it. So a message is copied once more only, into
/// what leaves in one write, and one that waits through an outage costs no more than its bytes.
package struct RedisPublish: Sendable, Hashable {
    /// The command in RESP.
    package let bytes: ByteBuffer
    private let channelRange: Range<Int>
    private let payloadRange: Range<Int>

    package var channel: ByteBuffer { slice(channelRange) }
    package var payload: ByteBuffer { slice(payloadRange) }
    /// Bytes of the payload.
    package var payloadLength: Int { payloadRange.count }

    /// - Parameter sharded: SPUBLISH instead of PUBLISH.
    package init(_ payload: ByteBuffer, to channel: ByteBuffer, sharded: Bool = false) {
        self = channel.withUnsafeReadableBytes { channel in
            payload.withUnsafeReadableBytes { payload in
                RedisPublish(payload, channelLength: channel.count, sharded: sharded) { $0.copyMemory(from: channel) }
            }
        }
    }

    package init(_ payload: ByteBuffer, to channel: String, sharded: Bool = false) {
        self.init(payload, to: ByteBuffer(string: channel), sharded: sharded)
    }

    /// - Parameter writeChannel: fills the memory it gets, which has `channelLength` bytes.
    package init(
        _ payload: UnsafeRawBufferPointer, channelLength: Int, sharded: Bool = false,
        _ writeChannel: (UnsafeMutableRawBufferPointer) -> Void
    ) {
        let head: StaticString = sharded ? "*3\r\n$8\r\nSPUBLISH\r\n" : "*3\r\n$7\r\nPUBLISH\r\n"
        let capacity = head.utf8CodeUnitCount + 2 * RESPLength.maximumBytes + channelLength + payload.count + 4
        var (channelStart, payloadStart) = (0, 0)
        var buffer = ByteBufferAllocator().buffer(capacity: capacity)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: capacity) { output in
            var count = 0
            func add(_ bytes: UnsafeRawBufferPointer) {
                UnsafeMutableRawBufferPointer(rebasing: output[count...]).copyMemory(from: bytes)
                count += bytes.count
            }
            func addLineEnd() {
                output[count] = UInt8(ascii: "\r")
                output[count + 1] = UInt8(ascii: "\n")
                count += 2
            }
            add(UnsafeRawBufferPointer(start: head.utf8Start, count: head.utf8CodeUnitCount))
            count += RESPLength.write(channelLength, marker: UInt8(ascii: "$"), at: count, into: output)
            channelStart = count
            writeChannel(UnsafeMutableRawBufferPointer(rebasing: output[count..<count + channelLength]))
            count += channelLength
            addLineEnd()
            count += RESPLength.write(payload.count, marker: UInt8(ascii: "$"), at: count, into: output)
            payloadStart = count
            add(payload)
            addLineEnd()
            return count
        }
        bytes = buffer
        channelRange = channelStart..<channelStart + channelLength
        payloadRange = payloadStart..<payloadStart + payload.count
    }

    /// A command that ends with its payload, such as XADD with the payload as the value of the last field. It has no channel.
    ///
    /// - Parameters:
    ///   - head: The command in RESP up to the last argument, which is what the others are together.
    ///   - channel: Where in the head the name of a channel or key stands.
    package init(
        head: ByteBuffer, _ beginning: StaticString, _ body: ByteBuffer, _ end: ByteBuffer,
        channel: Range<Int> = 0..<0
    ) {
        let length = beginning.utf8CodeUnitCount + body.readableBytes + end.readableBytes
        let capacity = head.readableBytes + RESPLength.maximumBytes + length + 2
        var buffer = ByteBufferAllocator().buffer(capacity: capacity)
        buffer.writeImmutableBuffer(head)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: RESPLength.maximumBytes) {
            RESPLength.write(length, marker: UInt8(ascii: "$"), at: 0, into: $0)
        }
        let start = buffer.writerIndex
        buffer.writeStaticString(beginning)
        buffer.writeImmutableBuffer(body)
        buffer.writeImmutableBuffer(end)
        buffer.writeInteger(0x0d0a as UInt16)
        bytes = buffer
        channelRange = channel
        payloadRange = start..<start + length
    }

    /// A message for a channel whose payload consists of parts.
    package init(_ head: Head, _ beginning: StaticString, _ body: ByteBuffer, _ end: ByteBuffer) {
        self.init(head: head.bytes, beginning, body, end, channel: head.channel)
    }

    /// The command of a message for a channel, up to its payload.
    package struct Head: Sendable, Hashable {
        fileprivate let bytes: ByteBuffer
        fileprivate let channel: Range<Int>

        /// - Parameter sharded: SPUBLISH instead of PUBLISH.
        package init(to channel: String, sharded: Bool = false) {
            var bytes = ByteBuffer()
            RESPCommand.writeHeader(count: 3, to: &bytes)
            (sharded ? "SPUBLISH" : "PUBLISH").write(to: &bytes)
            channel.write(to: &bytes)
            self.bytes = bytes
            // The line end stands behind it.
            self.channel = bytes.writerIndex - 2 - channel.utf8.count..<bytes.writerIndex - 2
        }
    }

    private func slice(_ range: Range<Int>) -> ByteBuffer {
        bytes.getSlice(at: range.lowerBound, length: range.count) ?? ByteBuffer()
    }
}

/// A length of RESP with its marker and line end, such as `$12\r\n`.
enum RESPLength {
    /// Marker, 19 digits, line end.
    static let maximumBytes = 22

    /// Writes a length that is never negative; there are `maximumBytes` of room. Returns how many bytes it has.
    static func write(_ length: Int, marker: UInt8, at offset: Int, into output: UnsafeMutableRawBufferPointer) -> Int {
        var digits = 1
        var rest = length / 10
        while rest > 0 {
            digits += 1
            rest /= 10
        }
        output[offset] = marker
        rest = length
        for index in stride(from: offset + digits, to: offset, by: -1) {
            output[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        output[offset + digits + 1] = UInt8(ascii: "\r")
        output[offset + digits + 2] = UInt8(ascii: "\n")
        return digits + 3
    }
}
