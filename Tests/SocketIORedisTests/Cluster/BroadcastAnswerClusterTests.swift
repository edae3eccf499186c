// Part of socketio-server, MIT licence; see LICENSE.

import ProcessTesting
import SocketIOServer
import SocketIOTesting
import Testing

@Suite("Who has acknowledged a broadcast, over a real Redis", .enabled(if: RedisServer.isInstalled), .serialized)
struct BroadcastAnswerClusterTests {
    @Test("nodes of this kind tell the ids of those that answer and of those that do not")
    func acrossNodes() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(3, on: redis, namespaces: ["/"]) { nodes in
            var clients: [TestSocket] = []
            for node in nodes {
                for _ in 0..<2 { clients.append(try await node.client()) }
            }
            for client in clients where client !== clients[3] { client.answer("ask") { _ in [1] } }
            clients[5].answer("ask") { _ in [] }
            let answers = try await nodes[0].io.timeout(.milliseconds(1_000)).emitWithAnswers("ask")
            #expect(answers.missing == [clients[3].id])
            #expect(answers.missingUnnamed == 0 && answers.silentServers == 0 && answers.isTimedOut)
            let answered = clients.map(\.id).filter { $0 != clients[3].id }
            #expect(Set(answers.answers.compactMap(\.socketID)) == Set(answered))
            clients[3].answer("ask") { _ in [1] }
            #expect(try await nodes[1].io.timeout(.seconds(20)).emitWithAnswers("ask").isComplete)
        }
    }
}
