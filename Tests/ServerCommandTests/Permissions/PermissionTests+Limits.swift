// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

// Programs that are slow or silent, and what is limited.
extension PermissionTests {
    @Test(.timeLimit(.minutes(1)), arguments: [(1, 16), (100, 1)])
    func questionsAboutRoomsKeepNobodyFromConnecting(maxWaiting: Int, maxConnections: Int) async throws {
        let decide: PermissionReceiver.Decide = { question in
            if question["type"] == "room" { try? await Task.sleep(for: .seconds(60)) }
            return (204, "")
        }
        try await Self.run(decide) { settings, url in
            settings.callback.connectUrl = url
            settings.callback.roomUrl = url
            settings.callback.maxWaiting = maxWaiting
            settings.callback.maxConnections = maxConnections
            settings.callback.timeoutMs = 5_000
        } _: { receiver, address in
            let socket = try await Self.join(address)
            try await socket.emit("room_join", "a")
            try await eventually("asked") { receiver.questions.contains { $0["type"] == "room" } }
            // Not after the question about the room has been given up.
            let end = ContinuousClock.now + .seconds(4)
            _ = try await Self.join(address, ["name": "another"])
            #expect(ContinuousClock.now < end)
        }
    }

    @Test func refusedRequestsAreChargedToTheRateOfJoins() async throws {
        var configuration = ServerConfiguration()
        configuration.rates.action = .drop
        configuration.rates.burstSeconds = 1
        configuration.rates.session.joinsPerSecond = 2
        try await Self.run({ _ in (403, "") }, configuration: configuration) { settings, url in
            settings.callback.roomUrl = url
        } _: { receiver, address in
            for event in ["room_join", "room_leave"] {
                let socket = try await Self.join(address)
                var codes: [String?] = []
                for number in 0..<20 {
                    codes.append(Self.code(try await socket.emitWithAck(event, .string("\(event):\(number)"))))
                }
                #expect(codes.first == "permission-denied" && codes.contains("permission-limit"), "\(codes)")
                let asked = receiver.questions.count { $0["room"]?.string?.hasPrefix(event) == true }
                #expect(asked == codes.count { $0 == "permission-denied" })
            }
        }
    }

    @Test func joinedRoomsAreBounded() {
        let rooms = JoinedRooms()
        var current: NameSet = []
        for number in 0..<100 {
            // The server takes the client out of the last one each time.
            current = [String(number)]
            rooms.insert(String(number), most: 4) { current }
            #expect(rooms.count <= 4)
        }
        #expect(rooms.remove("99") && !rooms.remove("99") && !rooms.remove("50"))
    }

    @Test func aSilentProgramLetsNobodyIn() async throws {
        try await Self.run { _ in
            try? await Task.sleep(for: .seconds(60))
            return (204, "")
        } _: { settings, url in
            settings.callback.connectUrl = url
            settings.callback.timeoutMs = 100
        } _: { _, address in
            let error = await #expect(throws: RefusedNamespace.self) { try await Self.join(address) }
            #expect(error?.reason["data"]?["code"]?.string == "permission-unavailable")
        }
    }

    @Test(.timeLimit(.minutes(1))) func anAnswerThatStopsAfterItsHeadIsNone() async throws {
        let program = try await HeadServer()
        try await Self.run { settings, _ in
            settings.callback.connectUrl = program.url
            settings.callback.timeoutMs = 200
            settings.callback.maxConnections = 1
            settings.callback.maxWaiting = 1
        } _: { _, address in
            // The first one leaves nothing behind that the second one would have to wait for.
            for number in 1...2 {
                let error = await #expect(throws: RefusedNamespace.self) { try await Self.join(address) }
                #expect(error?.reason["data"]?["code"]?.string == "permission-unavailable")
                try await eventually("the connection is closed") { program.connections == (number, number) }
            }
        }
        try await program.close()
    }

    @Test func aLimitIsNoPermission() async throws {
        try await Self.run { settings, _ in
            settings.rooms.allow = ["r:*"]
        } _: { _, address in
            let socket = try await Self.join(address)
            let limit = ServerConfiguration().maxRoomsPerSocket
            var refusal: String?
            for number in 0...limit where refusal == nil {
                refusal = Self.code(try await socket.emitWithAck("room_join", .string("r:\(number)")))
            }
            #expect(refusal == "permission-limit")
        }
    }
}
