// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

/// Which frames are compressed, and how often; without a socket.
@Suite struct DeflateOutboundTests {
    private static func compressor(threshold: Int = 1024) -> FrameCompressor {
        FrameCompressor(PerMessageDeflateConfiguration(threshold: threshold))
    }

    private static func text(_ count: Int, compress: Bool = true) -> OutboundMessage {
        // The type digit counts, as in Node.
        let text = String(repeating: "x", count: count - 1)
        return OutboundMessage(head: .message(.text(ByteBuffer(string: text))), compress: compress)
    }

    @Test func theThresholdIsInclusive() throws {
        let compressor = Self.compressor()
        #expect(compressor.compress(Self.text(1023), windowBits: 15) == Self.text(1023))
        let packed = compressor.compress(Self.text(1024), windowBits: 15).head
        #expect(packed.isCompressed && !packed.isBinary)
        #expect(packed.frame.getInteger(at: 0, as: UInt8.self) == 0xC1)
        #expect(packed.frame.getInteger(at: 1, as: UInt8.self) == UInt8(packed.payload.count))
        #expect(try ClientDeflate.unpack(Array(packed.payload)) == Array(Self.text(1024).head.payload))
    }

    @Test func theFlagTurnsItOff() {
        let message = Self.text(5000, compress: false)
        #expect(Self.compressor().compress(message, windowBits: 15) == message)
    }

    @Test func theEnginesOwnPacketsStayAsTheyAre() {
        let compressor = Self.compressor(threshold: 0)
        let long = OutboundPacket.text(type: UInt8(ascii: "0"), payload: ByteBuffer(string: Self.padding))
        for packet in [OutboundPacket.ping, .close, .noop, .pongProbe, long] {
            let message = OutboundMessage(head: packet)
            #expect(compressor.compress(message, windowBits: 15) == message)
        }
    }

    private static let padding = String(repeating: " ", count: 2000)

    @Test func eachPartCountsForItself() throws {
        let large = [UInt8](repeating: 7, count: 3000)
        let message = OutboundMessage(
            head: .message(.text(ByteBuffer(string: "51-[\"x\"]"))),
            attachments: [
                .binary(ByteBuffer(bytes: [1, 2])), .binary(ByteBuffer(bytes: large)), .binary(ByteBuffer()),
            ])
        let packed = Self.compressor().compress(message, windowBits: 15)
        #expect(packed.head == message.head)
        #expect(packed.attachments[0] == message.attachments[0])
        #expect(packed.attachments[1].isCompressed && packed.attachments[1].isBinary)
        #expect(packed.attachments[1].frame.getInteger(at: 0, as: UInt8.self) == 0xC2)
        #expect(try ClientDeflate.unpack(Array(packed.attachments[1].payload)) == large)
        #expect(packed.attachments[2] == message.attachments[2])
        // A second time nothing happens.
        #expect(Self.compressor().compress(packed, windowBits: 15) == packed)
        #expect(
            packed.isApplicationMessage
                && Self.compressor().compress(Self.text(2000), windowBits: 15).isApplicationMessage)
    }

    @Test(arguments: [0, 1, 5, 6, 7, 1024, 100_000])
    func whatWouldNotShrinkStaysAsItIs(count: Int) {
        let message = OutboundMessage(head: .message(.binary(ByteBuffer(bytes: noise(count)))))
        #expect(Self.compressor(threshold: 0).compress(message, windowBits: 15) == message)
    }

    @Test(arguments: Array(Int32(9)...15))
    func theWindowIsNeverLargerThanAgreed(windowBits: Int32) throws {
        let compressor = Self.compressor()
        // The same noise again after a distance that only larger windows span.
        let block = noise(300)
        var bytes: [UInt8] = []
        for part in 0..<200 { bytes += block + [UInt8](repeating: UInt8(part), count: part * 3) }
        let message = OutboundMessage(head: .message(.binary(ByteBuffer(bytes: bytes))))
        for _ in 0..<2 {
            let packed = compressor.compress(message, windowBits: windowBits).head
            #expect(packed.isCompressed)
            #expect(try ClientDeflate.unpack(Array(packed.payload), windowBits: windowBits) == bytes)
        }
    }

    @Test func sizesAroundTheHeaderLengthsComeBack() throws {
        let compressor = Self.compressor(threshold: 0)
        let inflater = FrameInflater()
        for count in [30, 125, 126, 127, 1000, 65_535, 65_536, 65_537, 300_000] {
            // Repeated within the window.
            let source = noise(min(count / 2, 10_000))
            let bytes = (0..<count).map { source[$0 % source.count] }
            let packed = compressor.compress(.binary(ByteBuffer(bytes: bytes)), windowBits: 15)
            #expect(packed.isCompressed)
            #expect(packed.payload.count == packed.frame.readableBytes - packed.headerLength)
            #expect(packed.headerLength == OutboundPacket.headerLength(payloadLength: packed.payload.count))
            #expect(try inflater.inflate(ByteBuffer(packed.payload), limit: count) == ByteBuffer(bytes: bytes))
        }
    }

    /// All recipients of a tick that have agreed on the same get the same bytes in memory.
    @Test func aMessageIsCompressedOnceInATick() throws {
        let queue = OutboundQueue(compressor: Self.compressor())
        let long = queue.stage(Self.text(5000))
        let other = queue.stage(Self.text(2000))
        func list(_ messages: StagedMessage...) -> Int32 {
            var first = OutboundQueue.none
            var last = OutboundQueue.none
            for message in messages {
                last = queue.append(message, after: last)
                if first == OutboundQueue.none { first = last }
            }
            return first
        }
        func buffers(_ first: Int32, _ windowBits: Int32?) -> [(address: UInt, bytes: [UInt8])] {
            var found: [(UInt, [UInt8])] = []
            queue.forEachBuffer(from: first, windowBits: windowBits) { buffer in
                let address = buffer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
                found.append((address, Array(buffer.readableBytesView)))
            }
            return found
        }
        let single = (0..<3).map { _ in buffers(list(long), 15) }
        #expect(Set(single.map { $0[0].address }).count == 1)
        #expect(single[0][0].bytes.count < 100 && single[0][0].bytes[0] == 0xC1)
        // Others in between: without compression, and with another window.
        let plain = buffers(list(long), nil)
        #expect(plain[0].bytes == Array(Self.text(5000).head.frame.readableBytesView))
        let narrow = buffers(list(long), 9)
        #expect(narrow[0].address != single[0][0].address && narrow[0].bytes[0] == 0xC1)
        // Lists are joined once for each kind.
        let joined = (0..<2).map { _ in buffers(list(long, other), 15) }
        #expect(joined[0][0].address == joined[1][0].address)
        let joinedPlain = buffers(list(long, other), nil)
        #expect(joinedPlain[0].bytes.count > 7000 && joined[0][0].bytes.count < 200)
        #expect(buffers(list(long, other), 15)[0].bytes == joined[0][0].bytes)
        var held: [OutboundMessage] = []
        queue.forEachMessage(from: list(long, other), windowBits: 15) { held.append($0) }
        #expect(held.map(\.head.isCompressed) == [true, true])
        queue.reset()
        let next = queue.stage(Self.text(3000))
        let bytes = buffers(list(next), 15)[0].bytes
        #expect(try ClientDeflate.unpack(Array(bytes[2...])).count == 3000)
    }
}
