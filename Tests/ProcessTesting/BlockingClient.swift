// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// A TCP connection to this machine whose calls wait, for tests with thousands of connections: nothing but a descriptor. Calls
/// that wait for longer than the time given fail. To be used on threads of the test's own, or for moments.
package struct BlockingClient: ~Copyable {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    private let descriptor: CInt
    /// What has arrived and was not asked for yet.
    private var received: [UInt8] = []

    package init(port: Int, timeout seconds: Int = 30) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(description: "socket: \(String(cString: strerror(errno)))") }
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, size)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = in_addr_t(UInt32(0x7F00_0001).bigEndian)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let failure = Failure(description: "connect: \(String(cString: strerror(errno)))")
            _ = Glibc.close(descriptor)
            throw failure
        }
    }

    deinit { _ = Glibc.close(descriptor) }

    /// Ends the connection with a reset, as a client does that crashes.
    package consuming func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    package func send(_ text: String) throws { try send(Array(text.utf8)) }

    package func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Failure(description: "send: \(String(cString: strerror(errno)))") }
            rest = rest.dropFirst(count)
        }
    }

    /// Waits until what has arrived contains `text`, and returns everything up to its end.
    package mutating func receive(through text: String) throws -> [UInt8] {
        let wanted = Array(text.utf8)
        while true {
            if let end = Self.end(of: wanted, in: received) {
                defer { received.removeFirst(end) }
                return Array(received[..<end])
            }
            guard try receiveMore() else {
                throw Failure(
                    description: "closed before \(text); received: \(String(decoding: received, as: UTF8.self))")
            }
        }
    }

    /// Waits for the end of the stream, and returns what came before it.
    package mutating func receiveAll() throws -> [UInt8] {
        while try receiveMore() {}
        defer { received = [] }
        return received
    }

    /// False at the end of the stream.
    private mutating func receiveMore() throws -> Bool {
        let count = try withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 1) { memory in
            while true {
                let count = recv(descriptor, memory.baseAddress, memory.count, 0)
                if count > 0 { received.append(contentsOf: memory[..<count]) }
                if count >= 0 { return count }
                if errno == ECONNRESET { return 0 }
                guard errno == EINTR else { throw Failure(description: "recv: \(String(cString: strerror(errno)))") }
            }
        }
        return count > 0
    }

    private static func end(of wanted: [UInt8], in bytes: [UInt8]) -> Int? {
        guard bytes.count >= wanted.count else { return nil }
        return (0...(bytes.count - wanted.count)).first { bytes[$0..<($0 + wanted.count)].elementsEqual(wanted) }
            .map { $0 + wanted.count }
    }
}

extension BlockingClient {
    /// A frame as clients send it, with a mask of zeros.
    package static func frame(_ text: String, opcode: UInt8 = 1, isFinal: Bool = true) -> [UInt8] {
        frame(Array(text.utf8), opcode: opcode, isFinal: isFinal)
    }

    /// The same with bytes.
    package static func frame(_ payload: [UInt8], opcode: UInt8, isFinal: Bool = true) -> [UInt8] {
        var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | opcode]
        switch payload.count {
        case ..<126: bytes.append(0x80 | UInt8(payload.count))
        case ..<65_536: bytes += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default: bytes += [0x80 | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        return bytes + [0, 0, 0, 0] + payload
    }

    /// The request that opens a session on WebSocket.
    package static let upgrade =
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
        + "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

    /// The request that opens a session by long-polling.
    package static func handshake(headers: String = "") -> String {
        "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: localhost\r\n\(headers)\r\n"
    }
}

/// What the kernel tells of a process.
package struct ProcessFigures: Sendable {
    /// Memory in use, in bytes.
    package let residentBytes: Int
    /// Open descriptors.
    package let descriptors: Int
    /// Processor time used, in seconds.
    package let processorTime: Double

    package init(of identifier: Int32) throws {
        func read(_ name: String) throws -> String {
            guard let file = fopen("/proc/\(identifier)/\(name)", "r") else {
                throw BlockingClient.Failure(description: "no /proc/\(identifier)/\(name)")
            }
            defer { fclose(file) }
            var text: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = fread(&buffer, 1, buffer.count, file)
                if count == 0 { break }
                text.append(contentsOf: buffer[..<count])
            }
            return String(decoding: text, as: UTF8.self)
        }
        let pages = try read("statm").split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        residentBytes = pages * Int(sysconf(CInt(_SC_PAGESIZE)))
        // The name of the program, in parentheses, may hold blanks.
        let fields = try read("stat").split(separator: ")").last?.split(separator: " ") ?? []
        let ticks = fields.count > 12 ? (Double(fields[11]) ?? 0) + (Double(fields[12]) ?? 0) : 0
        processorTime = ticks / Double(sysconf(CInt(_SC_CLK_TCK)))
        var count = 0
        if let folder = opendir("/proc/\(identifier)/fd") {
            while let entry = readdir(folder) { if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 } }
            closedir(folder)
        }
        descriptors = count
    }
}
