// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// One TCP connection of a client: what came in and is not complete, what goes out and is not written.
///
/// Confined to its worker's thread. No access to a variable calls what could come back to it, here as in the other classes
/// of the event loop: so what every delivery touches does without checks of exclusivity, a third of its instructions.
final class Stream {
    enum Role {
        /// The answer to the WebSocket request is awaited.
        case handshake
        /// Frames in both directions.
        case webSocket
        /// Carries the GETs of long-polling.
        case poll
        /// Carries its POSTs.
        case post
    }

    /// Bytes which may wait to be written before the generator refuses to send more.
    static let outboxLimit = 4 << 20

    let descriptor: Int32
    let token: UInt64
    unowned(unsafe) let client: LoadClient
    @exclusivity(unchecked) var role: Role
    @exclusivity(unchecked) var inbox: [UInt8] = []
    @exclusivity(unchecked) var outbox: [UInt8] = []
    @exclusivity(unchecked) var written = 0
    @exclusivity(unchecked) var isDirty = false
    @exclusivity(unchecked) var waitsForWriting = true
    @exclusivity(unchecked) var isClosed = false
    /// A request was answered on it before: it may have been closed by the server in the meantime.
    var wasUsed = false

    init(descriptor: Int32, token: UInt64, client: LoadClient, role: Role) {
        self.descriptor = descriptor
        self.token = token
        self.client = client
        self.role = role
    }

    var pendingBytes: Int { outbox.count - written }

    enum WriteResult {
        case done
        case blocked
        case failed(Int32)
    }

    /// Writes as much as the system takes.
    func writeOut() -> WriteResult {
        while written < outbox.count {
            let count = outbox.withUnsafeBytes { bytes in
                send(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written, Int32(MSG_NOSIGNAL))
            }
            if count < 0 {
                if errno == EINTR { continue }
                return errno == EAGAIN || errno == ENOTCONN ? .blocked : .failed(errno)
            }
            written += count
        }
        written = 0
        outbox.removeAll(keepingCapacity: outbox.capacity <= 65536)
        return .done
    }
}
