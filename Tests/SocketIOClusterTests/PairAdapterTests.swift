// Part of socketio-server, MIT licence; see LICENSE.

internal import PairExample
internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

/// The whole adapter of docs/adapters.md, which is built with what other packages see and without `SocketIOCluster`.
@Suite("An adapter of other people, whole", .serialized)
struct PairAdapterTests {
    @Test("the adapter contract is kept", arguments: AdapterContract.checks(for: 2))
    func contract(check: AdapterContract.Check) async throws {
        let pair = Pair()
        try await check.run(AdapterUnderTest(servers: 2) { _, configuration in configuration.adapter = pair.adapter })
    }

    @Test("a server whose other one has not started works alone", arguments: AdapterContract.checks(for: 1))
    func alone(check: AdapterContract.Check) async throws {
        let pair = Pair()
        try await check.run(AdapterUnderTest(servers: 1) { _, configuration in configuration.adapter = pair.adapter })
    }

    @Test("a socket is described anew from the parts that the page names")
    func description() async throws {
        let io = Server(configuration: ServerConfiguration())
        io.onConnection { $0.join("room") }
        let port = try #require(try await io.listen()?.port)
        let client = try await SocketTestClient.connect(to: ServerAddress(port: port))
        let socket = try await client.join(auth: ["name": "Ada"])
        let found = try #require(try await io.adapter.fetchSockets(BroadcastOptions()).first)
        let request = found.handshake.request
        let handshake = Handshake(
            request: HandshakeInfo(
                method: request.method, url: request.url, headers: request.headers,
                remoteAddress: request.remoteAddress, isSecure: request.isSecure, time: request.time),
            auth: found.handshake.auth, issued: found.handshake.issued)
        let again = SocketDescription(id: found.id, handshake: handshake, rooms: found.rooms, data: found.data)
        #expect(again.id == socket.id && again.rooms == [socket.id, "room"])
        #expect(again.handshake.auth == ["name": "Ada"] && again.handshake.query["EIO"] == "4")
        let host = try #require(found.handshake.header("host"))
        #expect(again.handshake.header("host") == host)
        #expect(again.handshake.address == "127.0.0.1" && again.handshake.time == found.handshake.time)
        await io.close()
    }
}
