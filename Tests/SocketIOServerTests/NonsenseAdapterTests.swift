// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer
internal import Testing

/// An adapter of somebody else may report anything.
@Suite("An adapter that tells nonsense")
struct NonsenseAdapterTests {
    private final class Liar: AdapterSPI.ForwardingAdapter {
        let base: any Adapter
        private let servers: Int

        init(_ base: any Adapter, servers: Int) {
            self.base = base
            self.servers = servers
        }

        func serverCount() async throws -> Int { servers }

        func broadcastWithAck(
            _ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions, receiver: any AdapterSPI.AckReceiver
        ) {
            for count in [Int.min, -1, .max, .max] { receiver.reached(clients: count) }
            receiver.disconnected(socketID: "")
            receiver.reached(socketIDs: ["a", "a"])
        }
    }

    @Test("ends a question in its time, and nothing else", arguments: [Int.min, 0, 2, 4, .max])
    func counts(servers: Int) async throws {
        var configuration = ServerConfiguration()
        configuration.adapter = { context in Liar(context.local, servers: servers) }
        let io = Server(configuration: configuration)
        let answers = try await io.timeout(.milliseconds(50)).emitWithAnswers("ask")
        #expect(answers.silentServers >= 0 && answers.answers.isEmpty)
        await io.close()
    }
}
