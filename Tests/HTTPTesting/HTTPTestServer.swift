// Part of socketio-server, MIT licence; see LICENSE.

package import HTTPServerCore
package import NIOCore
package import NIOPosix

/// A server on a free port, with one event loop or more.
package struct HTTPTestServer {
    package let group: MultiThreadedEventLoopGroup
    package let listener: HTTPListener

    /// - Parameter make: makes the server of these event loops.
    package static func start(
        threads: Int = 1, _ make: (_ eventLoops: [any EventLoop]) throws -> HTTPServer
    ) async throws -> HTTPTestServer {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        let listener = try await HTTPListener.bind(
            to: .tcp(host: "127.0.0.1", port: 0), group: group, server: try make(Array(group.makeIterator())))
        return HTTPTestServer(group: group, listener: listener)
    }

    /// Runs `body` and stops the server.
    package func run(_ body: (HTTPTestServer) async throws -> Void) async throws {
        do {
            try await body(self)
        } catch {
            await stop()
            throw error
        }
        await stop()
    }

    package func connect() async throws -> SocketClient {
        try await SocketClient.connect(port: listener.port ?? 0, group: group)
    }

    package func stop() async {
        await listener.close(gracePeriod: .milliseconds(200))
        try? await group.shutdownGracefully()
    }
}
