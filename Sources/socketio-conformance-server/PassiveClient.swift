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

    init(port: Int) throws {
        socket = try BlockingSocket(port: port)
        try socket.write(Self.request)
        try skipHead()
        try skipFrame()
        try socket.write(Self.connect)
        try skipFrame()
    }

    func close() { socket.close() }

    /// Says goodbye as official clients do, and waits for the server to close.
    func leave() throws {
        try socket.write(Self.goodbye)
        socket.skipToEnd()
        socket.close()
    }

    /// Waits for so many bytes and forgets them.
    func skip(_ count: Int) throws { try socket.skip(count) }

    private func skipHead() throws {
        var last: UInt32 = 0
        while last != 0x0D0A_0D0A {
            try socket.skip(1)
            last = last << 8 | UInt32(socket[0])
        }
    }

    /// One of the short frames of the handshake.
    private func skipFrame() throws {
        try socket.skip(2)
        var length = Int(socket[1])
        if length == 126 {
            try socket.skip(2)
            length = Int(socket[0]) << 8 | Int(socket[1])
        }
        try socket.skip(length)
    }
}
