// Part of socketio-server, MIT licence; see LICENSE.

import Logging
import NIOConcurrencyHelpers
import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// The numbers of event loops everything is tried with.
let loopCounts = [1, 2, 4]

/// A server on a free port for the length of `body`.
func withServer(
    loops: Int = 2, _ change: (inout ServerConfiguration) -> Void = { _ in },
    _ body: (Server, ServerAddress) async throws -> Void
) async throws {
    var configuration = ServerConfiguration()
    configuration.eventLoops = loops
    configuration.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    configuration.engine.logger = configuration.logger
    // On a busy machine a test may need longer than the defaults between two requests of one connection.
    configuration.engine.headTimeout = .seconds(60)
    configuration.engine.keepAliveTimeout = .seconds(60)
    configuration.engine.upgradeTimeout = .seconds(300)
    change(&configuration)
    let io = Server(configuration: configuration)
    do {
        let port = try #require(try await io.listen()?.port)
        try await body(io, ServerAddress(port: port))
    } catch {
        await io.close()
        throw error
    }
    await io.close()
}

/// Clients, each with a socket in the namespace `/`.
func connect(
    _ count: Int, to address: ServerAddress, transport: TestTransport = .websocket
) async throws -> [TestSocket] {
    var sockets: [TestSocket] = []
    for _ in 0..<count {
        sockets.append(try await SocketTestClient.connect(to: address, transport: transport).join())
    }
    return sockets
}

/// What the server gave as the reason for refusing a namespace; nil when it did not refuse.
func refusal(_ join: () async throws -> TestSocket) async -> TestValue? {
    do {
        _ = try await join()
        return nil
    } catch {
        return (error as? RefusedNamespace)?.reason
    }
}

/// Collects what handlers of several threads see.
final class Recorder<Element: Sendable>: Sendable {
    private let elements = NIOLockedValueBox<[Element]>([])

    var all: [Element] { elements.withLockedValue { $0 } }
    var count: Int { elements.withLockedValue { $0.count } }

    func append(_ element: Element) { elements.withLockedValue { $0.append(element) } }

    func waitFor(_ count: Int) async throws -> [Element] {
        try await eventually("\(count) recorded, not \(self.count)") { self.count >= count }
        return all
    }
}

/// Holds tasks until it is opened.
final class Gate: Sendable {
    private let inbox = Inbox<Void>("the gate")

    func open() { inbox.push(()) }
    func pass() async throws { try await inbox.next() }
}
