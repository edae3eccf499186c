// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

extension ByteBuffer {
    /// Writes a quoted JSON string, for packets that are put together in a buffer.
    mutating func writeJSONString(_ string: String) {
        var output = JSONOutput(capacity: string.utf8.count + 16)
        output.writeString(string)
        writeBytes(output.bytes)
    }
}
