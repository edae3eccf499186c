// Part of socketio-server, MIT licence; see LICENSE.

import Chat
import Foundation
import Hummingbird
import SocketIOHummingbird
import SocketIORedis
import SocketIOServer
import Testing

/// The blocks of `docs/chat.md`, word for word, so that they compile.
enum ChatGuideExamples {
    private struct Name: Sendable { var text: String }

    static func fifteenLines() {
        let io = Server()

        io.onConnection { socket in
            socket.join("lobby")
            socket.on("message") { (text: String) in
                io.to("lobby").emit("message", text)
            }
            socket.onDisconnect { _ in io.to("lobby").emit("left", socket.id) }
        }
    }

    static func who(_ io: Server) {
        io.use { socket in
            guard let name = socket.handshake.auth["name"]?.string, (1...64).contains(name.utf8.count) else {
                throw ConnectError("Choose a name.", data: ["code": "bad-name"])
            }
            socket.set(Name(text: name))
        }
    }

    static func communities(_ io: Server) -> ParentNamespace {
        let communities = io.of(/^\/socket\/commu-[a-z0-9]{1,32}$/)
        communities.use { socket in
            guard socket.handshake.auth["token"]?.string == "secret" else { throw ConnectError("unauthorized") }
        }
        communities.onConnection { socket in
            socket.on("join") { (channel: String) in
                guard channel.utf8.count <= 64 else { throw EventError("A channel's name is too long.") }
                socket.join("channel:" + channel)
                socket.to("channel:" + channel).emit("joined", socket.id)
            }
        }
        return communities
    }

    static func history(_ communities: ParentNamespace, _ store: any HistoryStore) {
        communities.onConnection { socket in
            socket.on("message") { (channel: String, id: String, text: String) async throws -> Int64 in
                guard socket.rooms.contains("channel:" + channel) else { throw EventError("Join the channel first.") }
                guard text.utf8.count <= 8_000 else { throw EventError("A message has at most 8,000 bytes.") }
                let message = ChatMessage(
                    room: "c:\(channel)", seq: 0, id: id, from: socket.id, name: "Ada", text: text, time: 0)
                let stored = try await store.append(message)
                socket.namespace.in("channel:" + channel).emit("message", stored)
                return stored.seq
            }
        }
    }

    static func whole(_ io: Server) throws -> Task<Void, Never> {
        let store = try SQLiteStore(path: "data/chat.sqlite")
        let chat = Chat(
            io: io, store: store,
            identify: { socket in
                socket.handshake.auth["user"]?.string.map { ChatLogin(subject: $0, name: $0) }
            },
            onReport: { report in print("reported:", report.message.room, report.message.seq) })
        chat.mount()
        let maintenance = Task { await chat.maintain() }
        return maintenance
    }

    static func pages(_ io: Server) async throws {
        let router = Router()
        ChatPages().addRoutes(to: router)
        io.serve(router)
        try await io.run()
    }

    static func nodes() throws -> ServerConfiguration {
        var configuration = ServerConfiguration()
        let cluster = try RedisCluster(url: "redis://127.0.0.1:6379")
        configuration.adapter = cluster.adapter
        return configuration
    }
}

@Suite("The chat's document")
struct ChatGuideTests {
    @Test("every block of docs/chat.md is compiled")
    func blocks() throws {
        let here = URL(fileURLWithPath: #filePath)
        let root = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let guide = try String(contentsOf: root.appending(path: "docs/chat.md"), encoding: .utf8)
        let compiled = Self.lines(try String(contentsOf: here, encoding: .utf8))
        let blocks = guide.components(separatedBy: "```swift\n").dropFirst()
        #expect(blocks.count >= 7)
        for block in blocks {
            let wanted = Self.lines(block.components(separatedBy: "```")[0])
            #expect(
                compiled.indices.contains { compiled[$0...].starts(with: wanted) },
                "not compiled: \(wanted.joined(separator: "\n"))")
        }
    }

    private static func lines(_ text: String) -> [String] {
        text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }
}
