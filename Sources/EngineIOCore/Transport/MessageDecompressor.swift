// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// Unpacks what a client has compressed; given to a ``MessageAssembler`` when client and server have agreed on it.
package protocol MessageDecompressor: AnyObject {
    /// The message of which `payload` is the compressed form, all fragments together.
    ///
    /// Throws ``WebSocketProtocolError/messageTooLarge(limit:)`` as soon as it has become longer than `limit`, and
    /// ``WebSocketProtocolError/invalidCompressedData`` when it makes no sense.
    func inflate(_ payload: ByteBuffer, limit: Int) throws(WebSocketProtocolError) -> ByteBuffer
}
