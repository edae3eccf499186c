// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// The bytes of one run, and how they are cut for decoders that get them in pieces.
package struct FuzzInput: Sendable {
    package let bytes: [UInt8]
    /// Whether every single cut is tried, besides the pieces that are always tried.
    package let triesEveryCut: Bool

    /// Longer inputs are not given byte by byte, which would take too long.
    private static let longestDribble = 512

    package init(_ bytes: [UInt8], triesEveryCut: Bool = false) {
        self.bytes = bytes
        self.triesEveryCut = triesEveryCut
    }

    /// All of it.
    package var buffer: ByteBuffer { Self.buffer(bytes[...]) }

    /// Bytes in a buffer that has others before and behind them, as what is read has.
    package static func buffer(_ bytes: ArraySlice<UInt8>) -> ByteBuffer {
        var whole = ByteBufferAllocator().buffer(capacity: bytes.count + 8)
        whole.writeRepeatingByte(0x5B, count: 3)
        whole.writeBytes(bytes)
        whole.writeRepeatingByte(0x5D, count: 3)
        return whole.getSlice(at: 3, length: bytes.count) ?? ByteBuffer()
    }

    /// Requires that `decode` comes to the same result however the bytes are cut, and returns it.
    func inAllPieces<Outcome: Equatable>(
        from start: Int = 0, _ decode: ([ArraySlice<UInt8>]) throws -> Outcome
    ) throws -> Outcome {
        let all = bytes[min(start, bytes.count)...]
        let whole = try decode([all])
        for pieces in Self.pieces(all, everyCut: triesEveryCut) {
            let other = try decode(pieces)
            try require(
                other == whole,
                "the result depends on the pieces (\(pieces.map(\.count))):\n  \(other)\ninstead of\n  \(whole)")
        }
        return whole
    }

    private static func pieces(_ bytes: ArraySlice<UInt8>, everyCut: Bool) -> [[ArraySlice<UInt8>]] {
        guard bytes.count > 1 else { return [] }
        var ways: [[ArraySlice<UInt8>]] = []
        if bytes.count <= longestDribble { ways.append(bytes.indices.map { bytes[$0...$0] }) }
        if everyCut {
            ways += bytes.indices.dropFirst().map { [bytes[..<$0], bytes[$0...]] }
        }
        // The bytes themselves decide about some cuts, so that a fuzzer can move them and a file always has the same ones.
        var random = FuzzRandom(bytes)
        for count in 1...2 {
            let cuts = (0..<count).map { _ in bytes.startIndex + 1 + random.below(bytes.count - 1) }.sorted()
            let bounds = [bytes.startIndex] + cuts + [bytes.endIndex]
            ways.append(zip(bounds, bounds.dropFirst()).map { bytes[$0..<$1] })
        }
        return ways
    }
}

/// Numbers that depend on nothing but the bytes it is made from.
struct FuzzRandom {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    init(_ seed: some Sequence<UInt8>) {
        for byte in seed { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    }

    /// From 0 to `bound` - 1; 0 when there is none.
    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        mixed ^= mixed >> 31
        return bound > 0 ? Int(mixed % UInt64(bound)) : 0
    }
}
