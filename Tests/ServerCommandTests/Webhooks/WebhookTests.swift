// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// Webhooks over real sockets: what is told, and what becomes of requests that fail.
@Suite struct WebhookTests {
    private static func settings(_ receiver: WebhookReceiver) -> Settings.Webhooks {
        var settings = Settings.Webhooks()
        settings.url = receiver.url
        settings.secret = WebhookReceiver.secret
        settings.events = WebhookKind.allCases
        settings.eventNames = ["order"]
        settings.maxDelayMs = 1
        return settings
    }

    private static func run(
        _ change: (inout Settings.Webhooks) -> Void = { _ in }, prepare: (WebhookReceiver) -> Void = { _ in },
        _ body: (WebhookReceiver, Server, ServerAddress) async throws -> Void
    ) async throws {
        let receiver = try await WebhookReceiver()
        prepare(receiver)
        var settings = settings(receiver)
        change(&settings)
        let io = Server()
        let made = WebhookOperation(
            settings, node: "n1", logger: Logger(label: "hooks") { _ in SwiftLogNoOpLogHandler() },
            subject: { $0.handshake.auth["user"]?.string })
        let operation = try #require(made)
        operation.attach(to: io)
        io.onConnection { socket in socket.on("join") { (room: String) in socket.join(room) } }
        io.of(/^\/team-/).onConnection { _ in }
        let address = try #require(try await io.listen(host: "127.0.0.1", port: 0))
        let delivery = Task { await operation.run() }
        var failure: (any Error)?
        do {
            try await body(receiver, io, ServerAddress(port: address.port ?? 0))
        } catch { failure = error }
        await io.close()
        delivery.cancel()
        await operation.close()
        await delivery.value
        #expect(receiver.wrongSignatures == 0)
        await receiver.close()
        if let failure { throw failure }
    }

    @Test func everythingIsToldInOrder() async throws {
        try await Self.run { receiver, _, address in
            let client = try await SocketTestClient.connect(to: address)
            let socket = try await client.join("/", auth: ["user": "ada"])
            try await socket.emit("join", "red")
            try await socket.emit("order", 7, .object(["a": .binary([1])]))
            try await socket.emit("not told", 8)
            try await socket.disconnect()
            let events = try await receiver.events(5)
            #expect(events.map { $0["type"]?.string } == ["connect", "join", "event", "leave", "disconnect"])
            #expect(events.map { $0["id"]?.string } == ["n1-1", "n1-2", "n1-3", "n1-4", "n1-5"])
            #expect(
                events.allSatisfy { $0["socket"] == .string(socket.id) && $0["namespace"] == "/" && $0["node"] == "n1" }
            )
            #expect(
                events[0]["user"] == "ada" && events[0]["address"] == "127.0.0.1" && events[0]["recovered"] == false)
            #expect(events[1]["room"] == "red" && events[3]["room"] == "red")
            #expect(events[2]["event"] == "order" && events[2]["args"] == [7, ["a": ["base64": "AQ=="]]])
            #expect(events[4]["reason"] == "client namespace disconnect" && events[4]["user"] == "ada")
        }
    }

    @Test func namespacesMadeOnDemandAreWatched() async throws {
        try await Self.run({ $0.events = [.connect] }) { receiver, _, address in
            let socket = try await SocketTestClient.connect(to: address).join("/team-1")
            let events = try await receiver.events(1)
            #expect(events[0]["namespace"] == "/team-1" && events[0]["socket"] == .string(socket.id))
        }
    }

    @Test func aRequestThatFailsIsRepeated() async throws {
        try await Self.run({ $0.events = [.connect] }, prepare: { $0.answer(500, 429) }) { receiver, _, address in
            _ = try await SocketTestClient.connect(to: address).join()
            #expect(try await receiver.events(1).count == 1)
            #expect(receiver.requests == 3)
        }
    }

    /// The head of an answer says that the events have arrived.
    @Test(.timeLimit(.minutes(1))) func theRestOfAnAnswerIsNotWaitedFor() async throws {
        let server = try await HeadServer()
        try await Self.run({
            $0.events = [.connect]
            $0.url = server.url
        }) { _, _, address in
            let client = try await SocketTestClient.connect(to: address)
            for number in 1...2 {
                _ = try await client.join("/team-\(number)")
                try await eventually("delivered") { server.connections == (number, number) }
            }
        }
        try await server.close()
    }

    @Test func aRequestThatIsRefusedIsNot() async throws {
        try await Self.run({ $0.events = [.connect] }, prepare: { $0.answer(400) }) { receiver, _, address in
            let client = try await SocketTestClient.connect(to: address)
            _ = try await client.join()
            try await eventually("refused") { receiver.requests == 1 }
            _ = try await client.join("/team-2")
            #expect(try await receiver.events(1)[0]["namespace"] == "/team-2")
            #expect(receiver.requests == 2)
        }
    }

    @Test func whatCannotBeDeliveredIsGivenUp() async throws {
        try await Self.run(
            {
                $0.events = [.connect]
                $0.giveUpAfterMs = 1
            }, prepare: { $0.answer(503) }
        ) { receiver, _, address in
            let client = try await SocketTestClient.connect(to: address)
            _ = try await client.join()
            try await eventually("failed") { receiver.requests == 1 }
            _ = try await client.join("/team-2")
            #expect(try await receiver.events(1)[0]["namespace"] == "/team-2")
        }
    }

    @Test func theEndDeliversWhatIsLeft() async throws {
        let receiver = try await WebhookReceiver()
        var settings = Self.settings(receiver)
        settings.maxDelayMs = 60_000
        let made = WebhookOperation(
            settings, node: "n1", logger: Logger(label: "hooks") { _ in SwiftLogNoOpLogHandler() },
            subject: { _ in nil })
        let operation = try #require(made)
        let io = Server()
        operation.attach(to: io)
        io.onConnection { _ in }
        let address = try #require(try await io.listen(host: "127.0.0.1", port: 0))
        let delivery = Task { await operation.run() }
        _ = try await SocketTestClient.connect(to: ServerAddress(port: address.port ?? 0)).join()
        await io.close()
        delivery.cancel()
        await delivery.value
        await operation.close()
        #expect(receiver.events.map { $0["type"]?.string } == ["connect", "disconnect"])
        #expect(receiver.wrongSignatures == 0)
        await receiver.close()
    }
}
