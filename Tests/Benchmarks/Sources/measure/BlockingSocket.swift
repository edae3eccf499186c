// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
internal import NIOCore

/// A connection to a server of this machine that blocks: for clients that cost next to nothing.
final class BlockingSocket {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let descriptor: CInt
    private static let size = 16384 + 512
    private let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: size)

    /// - Parameter keepsLittle: whether the kernel buffers on both sides are as small as possible.
    init(port: Int, keepsLittle: Bool = false) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        if keepsLittle {
            // The kernel of the server buffers a multiple of a segment, which on loopback is as large as a frame:
            // megabytes.
            var (buffer, segment) = (CInt(4096), CInt(536))
            let size = socklen_t(MemoryLayout<CInt>.size)
            _ = setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &buffer, size)
            _ = setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_MAXSEG, &segment, size)
        }
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: port)
        let result = address.withSockAddr { connect(descriptor, $0, socklen_t($1)) }
        guard result == 0 else { throw Failure(description: "cannot connect: \(String(cString: strerror(errno)))") }
    }

    deinit { buffer.deallocate() }

    func close() { _ = systemClose(descriptor) }

    func write(_ bytes: [UInt8]) throws {
        guard send(descriptor, bytes, bytes.count, 0) == bytes.count else {
            throw Failure(description: "cannot write: \(String(cString: strerror(errno)))")
        }
    }

    /// Waits for `count` bytes, at least four and no more than the buffer holds, and passes them to `look`.
    func take(_ count: Int, _ look: (UnsafeRawBufferPointer) throws -> Void) throws {
        var read = 0
        while read < count {
            let taken = recv(descriptor, buffer + read, min(count, Self.size) - read, 0)
            guard taken > 0 else { throw Failure(description: "the server closed a connection") }
            read += taken
        }
        try look(UnsafeRawBufferPointer(start: buffer, count: read))
    }

    /// Waits for so many bytes and forgets them.
    func skip(_ count: Int) throws {
        var left = count
        while left > 0 {
            let taken = recv(descriptor, buffer, min(left, Self.size), 0)
            guard taken > 0 else { throw Failure(description: "the server closed a connection") }
            left -= taken
        }
    }

    /// Waits for the end.
    func skipToEnd() {
        while recv(descriptor, buffer, Self.size, 0) > 0 {}
    }

    /// Waits for the next bytes, as many as there are, and has `look` find out whether they are all that was waited for. They
    /// must fit in the buffer.
    func receive(until look: (UnsafeRawBufferPointer) -> Bool) throws {
        var count = 0
        repeat {
            let taken = count < Self.size ? recv(descriptor, buffer + count, Self.size - count, 0) : 0
            guard taken > 0 else { throw Failure(description: "the server closed a connection") }
            count += taken
        } while !look(UnsafeRawBufferPointer(start: buffer, count: count))
    }
}

/// Under another name inside a type that has a `close` of its own.
private func systemClose(_ descriptor: CInt) -> CInt { close(descriptor) }
