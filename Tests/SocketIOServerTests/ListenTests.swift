// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

@Suite("Listening and ending", .timeLimit(.minutes(2)))
struct ListenTests {
    @Test("an address in use is named, in words")
    func addressInUse() async throws {
        try await withServer { io, address in
            let other = Server(configuration: io.configuration)
            do {
                _ = try await other.listen(port: address.port)
                Issue.record("two servers listen on one port")
            } catch let error as ListenError {
                #expect(error.reason == .addressInUse)
                #expect(error.address == "127.0.0.1:\(address.port)")
                #expect("\(error)" == "cannot listen on 127.0.0.1:\(address.port): the address is in use")
            }
            await other.close()
        }
    }

    @Test("other reasons are told apart")
    func reasons() async throws {
        let io = Server()
        await #expect(throws: ListenError.self) { try await io.listen(host: "203.0.113.1", port: 0) }
        do {
            _ = try await io.listen(host: "203.0.113.1", port: 0)
        } catch {
            #expect((error as? ListenError)?.reason == .noSuchAddress)
        }
        do {
            try await io.listen(unixSocketPath: "/nowhere/at/all.sock")
            Issue.record("a socket in a folder that does not exist")
        } catch {
            #expect("\(error)" == "cannot listen on /nowhere/at/all.sock: there is no such file")
        }
        await io.close()
    }

    @Test("run() tells when it listens, and returns when the server has been closed")
    func runReturns() async throws {
        var configuration = ServerConfiguration()
        configuration.port = 0
        let io = Server(configuration: configuration)
        let ports = Recorder<Int?>()
        let running = Task { try await io.run { address in ports.append(address?.port) } }
        let port = try #require(try await ports.waitFor(1)[0])
        let client = try await SocketTestClient.connect(to: ServerAddress(port: port))
        _ = try await client.join()
        await io.close()
        try await running.value
        await #expect(throws: (any Error).self) { try await SocketTestClient.connect(to: ServerAddress(port: port)) }
        // A server that is closed already does not run.
        await #expect(throws: SocketError.self) { try await io.run() }
    }

    @Test("an error of the callback ends the server and is thrown")
    func callbackFails() async throws {
        struct Unwilling: Error {}
        var configuration = ServerConfiguration()
        configuration.port = 0
        let io = Server(configuration: configuration)
        await #expect(throws: Unwilling.self) { try await io.run { _ in throw Unwilling() } }
        await #expect(throws: SocketError.self) { try await io.listen() }
    }
}
