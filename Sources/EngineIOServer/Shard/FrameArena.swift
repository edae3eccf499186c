// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// Text messages of one tick that have one recipient each: their frames one behind the other in memory of the loop, which
/// is used again in every tick. Such a message costs no allocation and no reference count.
struct FrameArena: ~Copyable {
    private struct Frame {
        let start: Int
        let end: Int
        let headerLength: Int32
        let origin: Int32
    }

    /// Larger messages get memory of their own, so that they need not be copied when the arena grows.
    static let largestMessage = 16 * 1024
    /// What is kept from tick to tick.
    private static let keptCapacity = 256 * 1024
    private static let smallestCapacity = 4096

    private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    /// The number of bytes in the frames.
    private(set) var used = 0
    private var frames: [Frame] = []

    deinit { memory.deallocate() }

    /// Adds a message of at most `bound` bytes, which `write` writes, right behind the one before; returns its index.
    mutating func append(upTo bound: Int, origin: Int32 = 0, _ write: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        let front = OutboundPacket.headerLength(payloadLength: bound)
        reserve(front + bound)
        let start = used
        let frame = UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + front + bound])
        let room = UnsafeMutableRawBufferPointer(rebasing: frame[front...])
        // The closure that writes keeps to the bound; nothing is read beyond it in any case.
        let length = min(write(room), bound)
        let headerLength = OutboundPacket.headerLength(payloadLength: length)
        if headerLength < front {
            // The header of a message that is far shorter than its bound is shorter as well.
            UnsafeMutableRawBufferPointer(rebasing: frame[headerLength...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: room[..<length]))
        }
        _ = OutboundPacket.writeHeader(opcode: 0x1, payloadLength: length, into: frame)
        used = start + headerLength + length
        frames.append(
            Frame(start: start, end: used, headerLength: Int32(truncatingIfNeeded: headerLength), origin: origin))
        return frames.count - 1
    }

    /// How many bytes a frame has.
    func length(of index: Int) -> Int { frames[index].end - frames[index].start }

    /// Where frames lie, as long as nothing is added.
    func bytes(from first: Int, through last: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: memory[frames[first].start..<frames[last].end])
    }

    /// What a frame carries, as long as nothing is added.
    func payload(_ index: Int) -> UnsafeRawBufferPointer {
        let frame = frames[index]
        return UnsafeRawBufferPointer(rebasing: memory[frame.start + Int(frame.headerLength)..<frame.end])
    }

    /// Whether nothing lies between a frame and another one.
    func isContiguous(_ first: Int, _ second: Int) -> Bool { frames[first].end == frames[second].start }

    /// The frame in memory of its own, for those who need it later or in another form.
    func message(_ index: Int) -> OutboundMessage {
        let frame = ByteBuffer(bytes: bytes(from: index, through: index))
        var message = OutboundMessage(
            head: OutboundPacket(frame: frame, headerLength: Int(frames[index].headerLength), isBinary: false))
        message.origin = frames[index].origin
        return message
    }

    /// Forgets all frames.
    mutating func reset() {
        guard used > 0 else { return }
        frames.removeAll(keepingCapacity: frames.count <= 4096)
        used = 0
        guard memory.count > Self.keptCapacity else { return }
        memory.deallocate()
        memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    private mutating func reserve(_ count: Int) {
        guard memory.count - used < count else { return }
        let capacity = max(Self.smallestCapacity, 2 * memory.count, used + count)
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 8)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<used]))
        memory.deallocate()
        memory = larger
    }
}
