// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A Socket.IO client of this machine which connects to `/` and then only reads, each time so many bytes. It blocks.
final class PassiveClient {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let descriptor: CInt
    private static let size = 16384 + 16
    private let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: size)

    init(port: Int) throws {
        #if canImport(Glibc)
            descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        #else
            descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: port)
        let result = address.withSockAddr { connect(descriptor, $0, socklen_t($1)) }
        guard result == 0 else { throw Failure(description: "cannot connect: \(String(cString: strerror(errno)))") }
        try write(
            Array(
                """
                GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n\
                Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n
                """.utf8))
        try skipHead()
        try skipFrame()
        // Text `40`, masked with zeros.
        try write([0x81, 0x82, 0, 0, 0, 0, 0x34, 0x30])
        try skipFrame()
    }

    deinit { buffer.deallocate() }

    func close() { _ = systemClose(descriptor) }

    /// Waits for so many bytes and forgets them.
    func skip(_ count: Int) throws {
        var rest = count
        while rest > 0 {
            let taken = recv(descriptor, buffer, min(rest, Self.size), 0)
            guard taken > 0 else { throw Failure(description: "the server closed a connection") }
            rest -= taken
        }
    }

    private func write(_ bytes: [UInt8]) throws {
        guard send(descriptor, bytes, bytes.count, 0) == bytes.count else {
            throw Failure(description: "cannot write: \(String(cString: strerror(errno)))")
        }
    }

    private func skipHead() throws {
        var last: [UInt8] = []
        while last != Array("\r\n\r\n".utf8) {
            try skip(1)
            last = last.suffix(3) + [buffer[0]]
        }
    }

    /// One of the short frames of the handshake.
    private func skipFrame() throws {
        try skip(2)
        var length = Int(buffer[1])
        if length == 126 {
            try skip(2)
            length = Int(buffer[0]) << 8 | Int(buffer[1])
        }
        try skip(length)
    }
}

/// Under another name inside a type that has a `close` of its own.
private func systemClose(_ descriptor: CInt) -> CInt { close(descriptor) }
