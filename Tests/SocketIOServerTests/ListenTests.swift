// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import NIOPosix
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

    /// Clients of IPv4 are seen under their own addresses, not as those of IPv6.
    @Test("every address is one of IPv4 and one of IPv6, with the same port", arguments: ["*", "::", "[::]"])
    func everyAddress(host: String) async throws {
        var configuration = ServerConfiguration()
        configuration.eventLoops = 1
        let io = Server(configuration: configuration)
        io.onConnection { socket in socket.emit("address", socket.handshake.address) }
        let port = try #require(try await io.listen(host: host)?.port)
        for address in ["127.0.0.1", "::1"] where address == "127.0.0.1" || Self.hasIPv6 {
            let client = try await SocketTestClient.connect(
                to: ServerAddress(host: address, port: port), transport: .websocket)
            let socket = try await client.join()
            #expect(try await socket.next("address").arguments == [.string(address)])
            await client.close()
        }
        let other = Server(configuration: configuration)
        if Self.hasIPv6 {
            await #expect(throws: ListenError.self) { try await other.listen(host: "::1", port: port) }
        }
        await #expect(throws: ListenError.self) { try await other.listen(host: "127.0.0.1", port: port) }
        await other.close()
        await io.close()
    }

    @Test("an address of IPv6 may stand in brackets, and is named in them", .enabled(if: hasIPv6, "no IPv6 here"))
    func brackets() async throws {
        let io = Server()
        let port = try #require(try await io.listen(host: "[::1]")?.port)
        for host in ["::1", "[::1]"] {
            do {
                _ = try await io.listen(host: host, port: port)
                Issue.record("twice on one port")
            } catch let error as ListenError {
                #expect("\(error)" == "cannot listen on [::1]:\(port): the address is in use")
            }
        }
        await io.close()
    }

    /// One of the two ports is taken: nothing is listened on.
    @Test("a port that is taken for IPv6 only is an error", .enabled(if: hasIPv6, "no IPv6 here"))
    func halfTaken() async throws {
        let (io, other) = (Server(), Server())
        let port = try #require(try await io.listen(host: "::1")?.port)
        do {
            _ = try await other.listen(host: "*", port: port)
            Issue.record("listens beside another server")
        } catch let error as ListenError {
            #expect(error.reason == .addressInUse && error.address == "[::]:\(port)")
        }
        #expect(try await other.listen(host: "127.0.0.1", port: port)?.port == port)
        await other.close()
        await io.close()
    }

    private static let hasIPv6 =
        (try? ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "::1", port: 0).wait().close()
            .wait())
        != nil

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
