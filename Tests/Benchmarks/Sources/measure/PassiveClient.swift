// Part of socketio-server, MIT licence; see LICENSE.

/// A Socket.IO client of this machine which connects to `/` with WebSocket and then only reads, each time so many bytes. It blocks.
struct PassiveClient {
    private let socket: BlockingSocket

    private static let request = Array(
        """
        GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n
        """.utf8)
    // Frames masked with zeros: the texts `40` and `41`, and a close with code 1000.
    private static let connect: [UInt8] = [0x81, 0x82, 0, 0, 0, 0, 0x34, 0x30]
    private static let goodbye: [UInt8] = [0x81, 0x82, 0, 0, 0, 0, 0x34, 0x31, 0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8]

    /// - Parameter keepsLittle: whether the kernel's receive buffer is as small as possible.
    init(port: Int, keepsLittle: Bool = false) throws {
        socket = try BlockingSocket(port: port, keepsLittle: keepsLittle)
        try socket.write(Self.request)
        // The 101 and the open packet.
        try socket.receive { bytes in
            guard let head = HTTPAnswerText.headLength(bytes) else { return false }
            return Self.isOneFrame(UnsafeRawBufferPointer(rebasing: bytes[head...]))
        }
        try socket.write(Self.connect)
        try socket.receive(until: Self.isOneFrame)
    }

    func close() { socket.close() }

    /// Says goodbye as official clients do, and waits for the server to close.
    func leave() throws {
        try socket.write(Self.goodbye)
        socket.skipToEnd()
        socket.close()
    }

    /// Waits for a text frame of this many bytes, header included, and discards it.
    func readText(_ count: Int) throws {
        try socket.take(count) { bytes in
            let isLong = bytes[1] == 126
            let length = isLong ? 4 + (Int(bytes[2]) << 8 | Int(bytes[3])) : 2 + Int(bytes[1])
            guard bytes[0] == 0x81, length == count else {
                throw BlockingSocket.Failure(description: "no text of \(count) bytes was read")
            }
        }
    }

    /// Waits for so many bytes and forgets them.
    func skip(_ count: Int) throws { try socket.skip(count) }

    /// Whether a short frame is there as a whole.
    private static func isOneFrame(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= 4 else { return false }
        let isLong = bytes[1] == 126
        return bytes.count == (isLong ? 4 + (Int(bytes[2]) << 8 | Int(bytes[3])) : 2 + Int(bytes[1]))
    }
}
