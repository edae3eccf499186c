// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import NIOCore
internal import NIOPosix
internal import ProcessTesting
internal import SocketIOTesting

/// Debian's HAProxy and nginx, as processes of a test.
enum BalancerProcess {
    /// A balancer on a port of its own, once it answers 200 to `path`.
    ///
    /// - Parameter launch: starts it on that port.
    static func start(
        answering path: String, _ launch: (_ port: Int) throws -> RunningProcess
    ) async throws -> (RunningProcess, port: Int) {
        // The port was free a moment ago; another test may have taken it since.
        for _ in 0..<5 {
            let port = try await freePort()
            let balancer = try launch(port)
            do {
                try await eventually("the balancer", within: .seconds(20)) {
                    guard balancer.isRunning else { throw TestClientError.closed(balancer.output) }
                    return (try? await ask(port, path).status) == 200
                }
            } catch TestClientError.closed {
                continue
            }
            return (balancer, port)
        }
        throw TestClientError.unexpected("no balancer could be started")
    }

    private static func freePort() async throws -> Int {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = channel.localAddress?.port
        try await channel.close()
        guard let port else { throw TestClientError.unexpected("a listener without a port") }
        return port
    }
}

/// Where a balancer's configuration and its own files lie; gone with the value.
final class BalancerFolder: Sendable {
    private let url = FileManager.default.temporaryDirectory.appendingPathComponent("balancer-\(UUID().uuidString)")

    deinit { try? FileManager.default.removeItem(at: url) }

    /// The folder, made when there is none.
    func make() throws -> URL {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url
    }
}
