// Part of socketio-server, MIT licence; see LICENSE.

import Logging
import NIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import Chat

/// A chat on a server of its own, and people who come to it.
struct ChatUnderTest: Sendable {
    let io: Server
    let chat: Chat
    let store: any HistoryStore
    let address: ServerAddress

    /// The defaults, with nothing to wait for.
    static var limits: ChatLimits {
        var limits = ChatLimits()
        limits.messagesPerMinute = 100_000
        limits.presenceGrace = .zero
        limits.presenceInterval = .milliseconds(10)
        return limits
    }

    static func run(
        _ limits: ChatLimits = limits, configure: (inout ServerConfiguration) -> Void = { _ in },
        _ body: (ChatUnderTest) async throws -> Void
    ) async throws {
        var configuration = ServerConfiguration()
        configuration.eventLoops = 2
        configuration.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        configuration.engine.logger = configuration.logger
        configuration.engine.keepAliveTimeout = .seconds(60)
        configure(&configuration)
        let io = Server(configuration: configuration)
        let store = MemoryStore(limits: limits)
        let chat = Chat(io: io, store: store)
        chat.mount()
        do {
            let port = try #require(try await io.listen()?.port)
            try await body(ChatUnderTest(io: io, chat: chat, store: store, address: ServerAddress(port: port)))
        } catch {
            await io.close()
            throw error
        }
        await io.close()
    }

    /// Somebody who comes with a name, with the token of an earlier visit, or both.
    func person(_ name: String?, token: String? = nil) async throws -> TestPerson {
        let client = try await SocketTestClient.connect(to: address)
        var auth: [String: TestValue] = [:]
        if let name { auth["name"] = .string(name) }
        if let token { auth["person"] = .string(token) }
        do {
            let home = try await client.join(auth: .object(auth))
            let me = try await home.next("you").arguments[0]
            return TestPerson(
                client: client, home: home, id: me["id"]?.string ?? "", token: me["token"]?.string ?? "")
        } catch {
            await client.close()
            throw error
        }
    }
}

/// A connected device of a person.
struct TestPerson: Sendable {
    let client: SocketTestClient
    let home: TestSocket
    let id: String
    let token: String

    /// Enters a community over the same connection.
    func community(_ namespace: String) async throws -> TestSocket {
        try await client.join(namespace, auth: ["person": .string(token)])
    }
}

extension TestValue {
    /// The number of elements of an array.
    var count: Int? {
        guard case .array(let items) = self else { return nil }
        return items.count
    }
}
