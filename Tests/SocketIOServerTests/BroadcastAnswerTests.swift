// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOTesting
import Testing

@testable import SocketIOServer

@Suite("Who has acknowledged a broadcast")
struct BroadcastAnswerTests {
    @Test("answers are told by socket id, also of those that are missing", arguments: loopCounts)
    func named(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let clients = try await connect(4, to: address)
            for (number, client) in clients.prefix(2).enumerated() {
                client.answer("ask") { _ in [.number(Double(number))] }
            }
            let result = Task { try await io.timeout(.milliseconds(400)).emitWithAnswers("ask", 1) }
            // One goes, one stays silent.
            _ = try await clients[2].next("ask")
            try await clients[2].disconnect()
            let answers = try await result.value
            #expect(!answers.isComplete && answers.isTimedOut && answers.silentServers == 0)
            #expect(Set(answers.missing) == [clients[2].id, clients[3].id] && answers.missingUnnamed == 0)
            #expect(answers.answers.count == 2)
            for (number, client) in clients.prefix(2).enumerated() {
                #expect(answers[client.id]?[0].int == number)
            }
            #expect(answers[clients[3].id] == nil)
        }
    }

    @Test("the error of emitWithAck names those that stay silent")
    func error() async throws {
        try await withServer { io, address in
            let clients = try await connect(3, to: address)
            clients[0].answer("ask") { _ in [7] }
            let error = await #expect(throws: BroadcastAckError.self) {
                try await io.timeout(.milliseconds(300)).emitWithAck("ask", as: Int.self)
            }
            #expect(error.map { Set($0.missing) } == [clients[1].id, clients[2].id])
            #expect(error?.answers.answers.map(\.socketID) == [clients[0].id])
            #expect(error?.message == "operation has timed out")
        }
    }

    @Test("all have answered; a list of arguments")
    func complete() async throws {
        try await withServer { io, address in
            let clients = try await connect(3, to: address)
            for client in clients { client.answer("ask") { $0 } }
            let answers = try await io.emitWithAnswers("ask", arguments: [1, "two"])
            #expect(answers.isComplete && !answers.isTimedOut && answers.missing.isEmpty)
            #expect(Set(answers.answers.compactMap(\.socketID)) == Set(clients.map(\.id)))
            #expect(answers.answers.allSatisfy { $0.arguments.values == [1, "two"] })
            #expect(try await io.to("nobody").emitWithAnswers("ask").isComplete)
        }
    }
}
