// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Glibc
internal import NIOConcurrencyHelpers

/// A real redis-server, or a sentinel, on a free port of 127.0.0.1, in a directory of its own. It can be killed and started
/// again.
package final class RedisServer: Sendable {
    package static let executable = "/usr/bin/redis-server"
    package static let sentinelExecutable = "/usr/bin/redis-sentinel"
    package static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: executable) }
    package static var isSentinelInstalled: Bool { FileManager.default.isExecutableFile(atPath: sentinelExecutable) }

    package let port: Int
    package let directory: String
    package var url: String { "redis://127.0.0.1:\(port)" }
    private let executable: String
    private let process = NIOLockedValueBox<RunningProcess?>(nil)

    /// A server that does not run yet.
    ///
    /// - Parameter settings: lines of its configuration file; `{dir}` stands for its directory.
    package init(_ settings: [String] = [], sentinel: Bool = false, tls: Bool = false, port: Int? = nil) throws {
        executable = sentinel ? Self.sentinelExecutable : Self.executable
        directory = try TemporaryFolder.make("redis")
        self.port = try port ?? Self.freePort()
        var lines = ["bind 127.0.0.1", "dir \(directory)"]
        lines += tls ? ["port 0", "tls-port \(self.port)"] : ["port \(self.port)"]
        if !sentinel { lines += ["save \"\"", "appendonly no", "enable-debug-command yes"] }
        lines += settings.map { $0.replacingOccurrences(of: "{dir}", with: directory) }
        try lines.joined(separator: "\n").appending("\n").write(toFile: file, atomically: true, encoding: .utf8)
    }

    /// A server that listens.
    package static func started(
        _ settings: [String] = [], sentinel: Bool = false, tls: Bool = false, port: Int? = nil
    ) async throws -> RedisServer {
        let server = try RedisServer(settings, sentinel: sentinel, tls: tls, port: port)
        try await server.start()
        return server
    }

    deinit {
        stop()
        try? FileManager.default.removeItem(atPath: directory)
    }

    private var file: String { directory + "/redis.conf" }

    package var pid: Int32 { process.withLockedValue { $0?.identifier } ?? 0 }

    /// Starts it and waits until it listens.
    package func start() async throws {
        let process = try RunningProcess(executable, [file])
        self.process.withLockedValue { $0 = process }
        let deadline = ContinuousClock.now + .seconds(60)
        while !Self.isListening(port) {
            guard process.isRunning, ContinuousClock.now < deadline else {
                throw RunningProcess.CouldNotStart(
                    description: "\(executable) does not listen; the output is:\n\(process.output)")
            }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// Kills it, by its own process id.
    package func stop() {
        process.withLockedValue { process in
            process?.kill()
            process = nil
        }
    }

    package func signal(_ number: Int32) { process.withLockedValue { $0?.signal(number) } }

    // MARK: Ports

    /// A port that nobody listens on.
    package static func freePort() throws -> Int {
        try withSocket { socket in
            var address = loopback(port: 0)
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let code = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    bind(socket, pointer, length) == 0 ? getsockname(socket, pointer, &length) : -1
                }
            }
            guard code == 0 else { throw RunningProcess.CouldNotStart(description: "no free port: \(errno)") }
            return Int(UInt16(bigEndian: address.sin_port))
        }
    }

    private static func isListening(_ port: Int) -> Bool {
        let code = try? withSocket { socket in
            var address = loopback(port: port)
            return withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
        return code == 0
    }

    private static func loopback(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func withSocket<Result>(_ body: (Int32) throws -> Result) throws -> Result {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { throw RunningProcess.CouldNotStart(description: "no socket: \(errno)") }
        defer { close(socket) }
        return try body(socket)
    }
}

/// Folders under /tmp with short names: the path of a Unix socket has 103 bytes at most.
enum TemporaryFolder {
    static func make(_ name: String) throws -> String {
        let path = "/tmp/sio-\(name)-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        return path
    }
}
