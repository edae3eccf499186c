// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// The bytes of JSON text, or of MessagePack, while they are written.
///
/// A message consists of many short pieces. Plain memory takes each in a few nanoseconds, a `ByteBuffer` several times
/// that; the finished text is copied once, into a buffer of the right size.
struct JSONOutput: ~Copyable {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    private var isOwned = true
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = max(capacity, 64)
        self.base = UnsafeMutableRawPointer.allocate(byteCount: self.capacity, alignment: 8)
    }

    /// Writes into memory of the caller, who knows that everything fits: what does not is lost.
    init(into memory: UnsafeMutableRawPointer, capacity: Int) {
        self.base = memory
        self.capacity = capacity
        self.isOwned = false
    }

    deinit {
        if isOwned { base.deallocate() }
    }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// A copy of the text, behind `headroom` zero bytes that are not readable.
    func buffer(headroom: Int = 0) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: headroom + count)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: headroom + count) { output in
            guard let start = output.baseAddress else { return 0 }
            start.initializeMemory(as: UInt8.self, repeating: 0, count: headroom)
            (start + headroom).copyMemory(from: base, byteCount: count)
            return headroom + count
        }
        if headroom > 0 { buffer.moveReaderIndex(forwardBy: headroom) }
        return buffer
    }

    var string: String { String(decoding: bytes, as: UTF8.self) }

    /// Makes room for as many bytes more.
    @inline(__always)
    mutating func reserve(_ additional: Int) {
        if capacity &- count < additional { grow(additional) }
    }

    @inline(never)
    private mutating func grow(_ additional: Int) {
        capacity = max(capacity * 2, count + additional)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 8)
        larger.copyMemory(from: base, byteCount: count)
        if isOwned { base.deallocate() }
        base = larger
        isOwned = true
    }

    @inline(__always)
    mutating func write(_ byte: UInt8) {
        reserve(1)
        base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count &+= 1
    }

    @inline(__always)
    mutating func write(_ text: StaticString) {
        write(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inline(__always)
    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        reserve(bytes.count)
        (base + count).copyMemory(from: source, byteCount: bytes.count)
        count &+= bytes.count
    }

    mutating func write(_ buffer: ByteBuffer) {
        buffer.withUnsafeReadableBytes { write($0) }
    }

    mutating func write(_ bytes: some Collection<UInt8>) {
        for byte in bytes { write(byte) }
    }

    mutating func write(_ byte: UInt8, times: Int) {
        for _ in 0..<max(times, 0) { write(byte) }
    }

    /// Writes a decimal integer.
    mutating func writeDecimal(_ value: Int64) {
        // 19 digits and a sign at most.
        reserve(20)
        count &+= JSONText.writeDecimal(value, into: base + count)
    }

    // MARK: Changing what is there

    /// Forgets everything from `length` on.
    mutating func truncate(to length: Int) {
        count = min(count, max(length, 0))
    }

    /// Replaces a byte that has been written.
    mutating func set(_ byte: UInt8, at offset: Int) {
        guard offset >= 0, offset < count else { return }
        base.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
    }

    /// Moves everything from `offset` on up by `length` bytes, to be set afterwards.
    mutating func insert(_ length: Int, at offset: Int) {
        guard length > 0, offset >= 0, offset <= count else { return }
        reserve(length)
        (base + offset + length).copyMemory(from: base + offset, byteCount: count - offset)
        count += length
    }

    /// Moves everything from `tail` on to `place`, over `removed` bytes there; what stood behind them follows it.
    mutating func moveTail(from tail: Int, to place: Int, removing removed: Int) {
        guard place >= 0, removed >= 0, place + removed <= tail, tail <= count else { return }
        let moved = Array(bytes[tail..<count])
        let between = tail - place - removed
        (base + place + moved.count).copyMemory(from: base + place + removed, byteCount: between)
        moved.withUnsafeBytes { source in
            if let start = source.baseAddress { (base + place).copyMemory(from: start, byteCount: source.count) }
        }
        count -= removed
    }

    func string(at offset: Int, length: Int) -> String? {
        guard offset >= 0, length >= 0, offset + length <= count else { return nil }
        return String(decoding: bytes[offset..<offset + length], as: UTF8.self)
    }
}
