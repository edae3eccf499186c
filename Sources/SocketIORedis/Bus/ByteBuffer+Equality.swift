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

    /// Whether the readable bytes begin with those of a text.
    func starts(with beginning: StaticString) -> Bool {
        let beginning = UnsafeRawBufferPointer(start: beginning.utf8Start, count: beginning.utf8CodeUnitCount)
        return withUnsafeReadableBytes {
            $0.count >= beginning.count && $0.prefix(beginning.count).elementsEqual(beginning)
        }
    }

    /// Whether the readable bytes end with those of another buffer.
    func ends(with end: ByteBuffer) -> Bool {
        withUnsafeReadableBytes { bytes in
            end.withUnsafeReadableBytes { bytes.count >= $0.count && bytes.suffix($0.count).elementsEqual($0) }
        }
    }
}
