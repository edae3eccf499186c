// Part of socketio-server, MIT licence; see LICENSE.

internal import CZlib
internal import EngineIOCore
internal import NIOCore

/// Packs messages for `permessage-deflate` (RFC 7692, section 7.2.1), each on its own.
///
/// Confined to one event loop. Its zlib state, up to 260 KB, is made with the first message.
final class FrameDeflater {
    /// zlib keeps a pointer back to it, so it must not move.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private let level: Int32
    private let windowBits: Int32
    private var isReady = false

    /// - Parameters:
    ///   - level: 1 to 9.
    ///   - windowBits: 9 to 15.
    init(level: Int, windowBits: Int32) {
        self.level = Int32(clamping: level)
        self.windowBits = windowBits
        stream.initialize(to: z_stream())
    }

    deinit {
        if isReady { deflateEnd(stream) }
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    /// Appends the packed `payload`, without the four bytes that every message ends in; false, with nothing appended,
    /// when it does not become smaller or zlib refuses.
    func deflate(_ payload: ByteBufferView, into output: inout ByteBuffer) -> Bool {
        let size = payload.count
        guard let length = UInt32(exactly: size), prepare() else { return false }
        var made = 0
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { destination in
            payload.withUnsafeBytes { source in
                // zlib only reads through `next_in`; the C type lacks `const`.
                stream.pointee.next_in = UnsafeMutablePointer(mutating: source.bindMemory(to: Bytef.self).baseAddress)
                stream.pointee.avail_in = length
                stream.pointee.next_out = destination.bindMemory(to: Bytef.self).baseAddress
                // Room for what would be smaller and no more: when it is used up, there is no gain.
                stream.pointee.avail_out = length
                let code = CZlib.deflate(stream, Z_SYNC_FLUSH)
                guard code == Z_OK, stream.pointee.avail_out > 0 else { return }
                made = size - Int(stream.pointee.avail_out) - 4
            }
            return max(0, made)
        }
        return made > 0
    }

    private func prepare() -> Bool {
        if isReady { return deflateReset(stream) == Z_OK }
        isReady =
            deflateInit2_(
                stream, level, Z_DEFLATED, -windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size)) == Z_OK
        return isReady
    }
}
