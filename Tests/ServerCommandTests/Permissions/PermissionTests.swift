// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import NIOCore
internal import SocketIOServer
internal import SocketIOTesting
internal import Synchronization
internal import Testing

@testable internal import socketio_server

/// Rules and callbacks over real sockets.
@Suite struct PermissionTests {
    static func run(
        _ decide: @escaping PermissionReceiver.Decide,
        configuration: ServerConfiguration = ServerConfiguration(), _ change: (inout Settings, String) -> Void,
        _ body: (PermissionReceiver, ServerAddress) async throws -> Void
    ) async throws {
        let receiver = try await PermissionReceiver(decide)
        var settings = Settings()
        settings.callback.secret = WebhookReceiver.secret
        change(&settings, receiver.url)
        let io = Server(configuration: configuration)
        let made = Permissions(
            settings, logger: Logger(label: "may") { _ in SwiftLogNoOpLogHandler() }, eventLoop: io.someEventLoop)
        let permissions = try #require(made)
        permissions.protect(io.sockets)
        io.onConnection { socket in socket.on("who") { () -> SocketValue in socket.data } }
        let address = try #require(try await io.listen(host: "127.0.0.1", port: 0))
        var failure: (any Error)?
        do {
            try await body(receiver, ServerAddress(port: address.port ?? 0))
        } catch { failure = error }
        await io.close()
        await permissions.close()
        #expect(receiver.wrongSignatures == 0)
        await receiver.close()
        if let failure { throw failure }
    }

    /// With a program that says yes to everything.
    static func run(
        _ change: (inout Settings, String) -> Void, _ body: (PermissionReceiver, ServerAddress) async throws -> Void
    ) async throws {
        try await run({ _ in (204, "") }, change, body)
    }

    static func join(_ address: ServerAddress, _ auth: TestValue = .object([:])) async throws -> TestSocket {
        try await SocketTestClient.connect(to: address).join("/", auth: auth)
    }

    static func code(_ answer: [TestValue]) -> String? {
        answer.first?["ok"] == .bool(true) ? nil : answer.first?["error"]?["data"]?["code"]?.string ?? "?"
    }

    @Test func rulesLetClientsJoinAndLeave() async throws {
        try await Self.run { settings, _ in
            settings.rooms.allow = ["public:*"]
        } _: { receiver, address in
            let socket = try await Self.join(address)
            #expect(Self.code(try await socket.emitWithAck("room_join", "public:a")) == nil)
            #expect(Self.code(try await socket.emitWithAck("room_join", "private")) == "permission-denied")
            #expect(Self.code(try await socket.emitWithAck("room_join", "")) == "permission-denied")
            let long = "public:" + String(repeating: "x", count: 250)
            #expect(Self.code(try await socket.emitWithAck("room_join", .string(long))) == "permission-denied")
            // The rooms of others, and the own one, are nobody's to join and leave.
            let other = try await Self.join(address)
            #expect(Self.code(try await socket.emitWithAck("room_join", .string(other.id))) == "permission-denied")
            #expect(Self.code(try await socket.emitWithAck("room_leave", .string(socket.id))) == "permission-denied")
            #expect(Self.code(try await socket.emitWithAck("room_leave", "public:a")) == nil)
            #expect(Self.code(try await socket.emitWithAck("room_leave", "private")) == "permission-denied")
            #expect(receiver.questions.isEmpty)
        }
    }

    @Test func theCallbackSaysWhoMayConnect() async throws {
        let decide: PermissionReceiver.Decide = { question in
            switch question["auth"]?["name"]?.string {
            case "ada":
                (
                    200,
                    #"{"allow":true,"claims":{"sub":"ada","teams":["red"]},"data":{"theme":"dark"},"rooms":["team:red"]}"#
                )
            case "bob": (200, #"{"allow":false,"message":"Bob is not welcome"}"#)
            case "eve": (403, "no JSON")
            case "guest": (204, "")
            case "garbage": (200, "[]")
            case "list": (200, #"{"allow":true,"claims":[]}"#)
            case "large": (200, "{\"allow\":true,\"message\":\"\(String(repeating: "x", count: 70_000))\"}")
            default: (500, "")
            }
        }
        try await Self.run(decide) { settings, url in
            settings.callback.connectUrl = url
            settings.rooms.allow = ["team:{teams}"]
        } _: { receiver, address in
            /// Message and code; both nil for a client that is let in.
            func refusal(_ name: String) async throws -> [String?] {
                do {
                    _ = try await Self.join(address, ["name": .string(name)])
                    return [nil, nil]
                } catch let error as RefusedNamespace {
                    return [error.reason["message"]?.string, error.reason["data"]?["code"]?.string]
                }
            }
            let ada = try await Self.join(address, ["name": "ada"])
            let data = try await ada.emitWithAck("who").first
            #expect(data?["theme"]?.string == "dark" && data?["claims"]?["sub"]?.string == "ada")
            #expect(Self.code(try await ada.emitWithAck("room_join", "team:red")) == nil)
            #expect(Self.code(try await ada.emitWithAck("room_join", "team:blue")) == "permission-denied")
            #expect(try await refusal("bob") == ["Bob is not welcome", "permission-denied"])
            #expect(try await refusal("eve") == ["Not permitted", "permission-denied"])
            #expect(try await refusal("guest") == [nil, nil])
            for broken in ["garbage", "list", "large", "else"] {
                #expect(
                    try await refusal(broken) == ["Permission check unavailable", "permission-unavailable"], "\(broken)"
                )
            }
            let question = try #require(receiver.questions.first)
            #expect(question["type"] == "connect" && question["namespace"] == "/" && question["address"] == "127.0.0.1")
            // Asked again within the time of the cache, the program is not troubled; a failure is not kept.
            let before = receiver.questions.count
            #expect(try await refusal("bob")[1] == "permission-denied")
            #expect(receiver.questions.count == before)
            #expect(try await refusal("else")[1] == "permission-unavailable")
            #expect(receiver.questions.count == before + 1)
        }
    }

    @Test func theCallbackSaysWhoMayJoin() async throws {
        let decide: PermissionReceiver.Decide = { question in
            (200, question["room"] == "open" ? #"{"allow":true}"# : #"{"allow":false,"message":"Full"}"#)
        }
        try await Self.run(decide) { settings, url in
            settings.callback.roomUrl = url
            settings.rooms.allow = ["news"]
        } _: { receiver, address in
            let socket = try await Self.join(address)
            #expect(Self.code(try await socket.emitWithAck("room_join", "news")) == nil)
            #expect(receiver.questions.isEmpty)
            #expect(Self.code(try await socket.emitWithAck("room_join", "open")) == nil)
            let answer = try await socket.emitWithAck("room_join", "closed")
            #expect(Self.code(answer) == "permission-denied" && answer.first?["error"]?["message"]?.string == "Full")
            #expect(receiver.questions.map { $0["type"] } == ["room", "room"])
            #expect(receiver.questions.allSatisfy { $0["claims"] == [:] && $0["auth"] == nil })
            // Another client without claims gets the same answer.
            #expect(Self.code(try await Self.join(address).emitWithAck("room_join", "open")) == nil)
            #expect(receiver.questions.count == 2)
        }
    }

    @Test(arguments: [true, false]) func whatRecoveryAddsIsNotTold(isOn: Bool) async throws {
        try await Self.run { settings, url in
            settings.callback.connectUrl = url
            settings.recovery.enabled = isOn
        } _: { receiver, address in
            _ = try await Self.join(address, ["name": "ada"])
            for number in 1...2 {
                let pid = TestValue.string("secret-\(number)")
                _ = try await Self.join(address, ["name": "ada", "pid": pid, "offset": .string("\(number)")])
            }
            // Without recovery they are members like others.
            let told = receiver.questions.compactMap { $0["auth"]?["pid"]?.string }
            #expect(told == (isOn ? [] : ["secret-1", "secret-2"]))
            #expect(receiver.questions.count == (isOn ? 1 : 3))
            #expect(receiver.questions.first?["auth"] == ["name": "ada"])
        }
    }

    @Test func noProgramOpensTheRoomsOfSockets() async throws {
        let literal = "12345678901234567890"
        try await Self.run { settings, url in
            settings.callback.roomUrl = url
            settings.rooms.allow = [literal]
        } _: { receiver, address in
            let (socket, other) = (try await Self.join(address), try await Self.join(address))
            for room in [other.id, "abcdefghijklmnop-_AZ"] {
                for event in ["room_join", "room_leave"] {
                    let answer = try await socket.emitWithAck(event, .string(room))
                    #expect(Self.code(answer) == "permission-denied", "\(event) \(room)")
                }
            }
            #expect(Self.code(try await socket.emitWithAck("room_join", .string(literal))) == nil)
            #expect(receiver.questions.isEmpty)
            // One character more, less or of another kind is no id.
            for room in ["abcdefghijklmnop-_AZ1", "abcdefghijklmnop-_A", "abcdefghijklmnop:_AZ"] {
                #expect(Self.code(try await socket.emitWithAck("room_join", .string(room))) == nil)
            }
            #expect(receiver.questions.count == 3)
        }
    }

    @Test(arguments: [403, 500]) func whatAClientHasJoinedItMayLeave(later: Int) async throws {
        let status = Mutex(200)
        let decide: PermissionReceiver.Decide = { _ in
            let status = status.withLock { $0 }
            return (status, status == 200 ? #"{"allow":true,"rooms":["put"]}"# : "")
        }
        try await Self.run(decide) { settings, url in
            settings.callback.connectUrl = url
            settings.callback.roomUrl = url
            settings.callback.cacheMs = 0
        } _: { receiver, address in
            let socket = try await Self.join(address)
            #expect(Self.code(try await socket.emitWithAck("room_join", "a")) == nil)
            status.withLock { $0 = later }
            let before = receiver.questions.count
            #expect(Self.code(try await socket.emitWithAck("room_leave", "a")) == nil)
            #expect(receiver.questions.count == before)
            // Not what it is no longer in, nor what the server has put it into.
            let code = later == 403 ? "permission-denied" : "permission-unavailable"
            #expect(Self.code(try await socket.emitWithAck("room_leave", "a")) == code)
            #expect(Self.code(try await socket.emitWithAck("room_leave", "put")) == code)
            #expect(receiver.questions.count == before + 2)
        }
    }
}
