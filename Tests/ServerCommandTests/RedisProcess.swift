// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix
internal import ProcessTesting
internal import SocketIOTesting

/// A real redis-server on a port of its own, which can be killed and started again.
final class RedisProcess: Sendable {
    let port: Int
    private let directory: String
    private let process = NIOLockedValueBox<RunningProcess?>(nil)

    var url: String { "redis://127.0.0.1:\(port)" }

    /// A server that does not run yet.
    init() throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("redis-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).wait()
        port = channel.localAddress?.port ?? 0
        try channel.close().wait()
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// - Parameter users: lines of an ACL file; without, everybody may do everything.
    func start(users: [String] = []) async throws {
        var arguments = [
            "--bind", "127.0.0.1", "--port", "\(port)", "--dir", directory, "--save", "", "--appendonly", "no",
        ]
        if !users.isEmpty {
            let file = directory + "/users.acl"
            try Data((users.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: file))
            arguments += ["--aclfile", file]
        }
        let redis = try RunningProcess("/usr/bin/redis-server", arguments)
        process.withLockedValue { $0 = redis }
        _ = try await redis.line { $0.contains("Ready to accept connections") ? $0 : nil }
    }

    func kill() {
        process.withLockedValue { process in
            process?.kill()
            process = nil
        }
    }
}
