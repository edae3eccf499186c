// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

extension ByteBuffer {
    /// Whether the readable bytes begin with those of another buffer.
    func starts(with beginning: ByteBuffer) -> Bool {
        guard readableBytes >= beginning.readableBytes else { return false }
        return withUnsafeReadableBytes { bytes in
            beginning.withUnsafeReadableBytes { bytes.prefix($0.count).elementsEqual($0) }
        }
    }
}
