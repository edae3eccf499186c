// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Glibc
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

/// A client that reads as few bytes at a time as it is told, on a thread of its own.
final class RawReader: Sendable {
    private let descriptor: CInt
    private let state = NIOLockedValueBox(State())

    private struct State {
        var bytes: [UInt8] = []
        var isOver = false
    }

    /// Connects and sends a request, that of a WebSocket unless told otherwise; reads nothing yet.
    init(
        port: Int, receiveBuffer: CInt, request: String = SessionWire.upgradeRequest(SessionTestServer.websocket)
    ) throws {
        let descriptor = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        var size = receiveBuffer
        _ = setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<CInt>.size))
        // Ends the thread of a test that has failed.
        var patience = timeval(tv_sec: 60, tv_usec: 0)
        _ = setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let result = try SocketAddress(ipAddress: "127.0.0.1", port: port).withSockAddr { address, size in
            Glibc.connect(descriptor, address, socklen_t(size))
        }
        guard result == 0 else { throw WireError.malformed("connect: \(errno)") }
        try send(request)
    }

    func send(_ request: String) throws {
        guard Glibc.send(descriptor, request, request.utf8.count, 0) == request.utf8.count else {
            throw WireError.malformed("send: \(errno)")
        }
    }

    /// Starts reading, at most so many bytes at a time, until the connection ends. With a pause of so many microseconds
    /// after each it is a slow client.
    func read(atATime count: Int, pause: UInt32 = 0) {
        Thread.detachNewThread { [self] in
            var buffer = [UInt8](repeating: 0, count: count)
            while true {
                let read = recv(descriptor, &buffer, count, 0)
                guard read > 0 else { break }
                state.withLockedValue { $0.bytes += buffer[..<read] }
                if pause > 0 { usleep(pause) }
            }
            state.withLockedValue { $0.isOver = true }
        }
    }

    /// Everything that has been read.
    var received: [UInt8] { state.withLockedValue { $0.bytes } }
    var receivedCount: Int { state.withLockedValue { $0.bytes.count } }
    var isOver: Bool { state.withLockedValue { $0.isOver } }

    /// What follows the answer to the upgrade, once there are `count` bytes of it.
    func bytes(_ count: Int) async throws -> [UInt8] {
        try await eventually("\(count) bytes", within: 60) {
            state.withLockedValue { state in
                guard let end = state.bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
                let rest = state.bytes[end.upperBound...]
                return rest.count >= count || state.isOver ? Array(rest) : nil
            }
        }
    }

    func close() { _ = shutdown(descriptor, CInt(SHUT_RDWR)) }

    /// Ends the connection without farewell.
    func reset() throws {
        // An address of no family, which is all zeros, takes the connection back.
        let address = [UInt8](repeating: 0, count: 16)
        let result = address.withUnsafeBytes {
            Glibc.connect(descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
        }
        guard result == 0 else { throw WireError.malformed("reset: \(errno)") }
    }

    deinit { _ = Glibc.close(descriptor) }
}
