// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOServer
import SocketIOTesting
import Testing

@testable import Chat

/// Who continues a lost session of the chat, and what a device hears afterwards.
@Suite("Recovery in the chat", .timeLimit(.minutes(2)))
struct ChatRecoveryTests {
    /// A device whose packets are written by hand.
    private struct Device {
        let client: EngineTestClient
        let pid: String
        let id: String
        let token: String
        /// The offset of the last event.
        let offset: String

        init(_ chat: ChatUnderTest, _ auth: TestValue) async throws {
            client = try await EngineTestClient.connect(to: chat.address, transport: .websocket)
            try await client.send("0\(auth.json)")
            let answer = try await Self.next(of: client, "0")
            pid = answer["pid"]?.string ?? ""
            let you = try await Self.next(of: client, #"2["you","#, from: 1)
            id = you[1]?["id"]?.string ?? ""
            token = you[1]?["token"]?.string ?? ""
            offset = you[2]?.string ?? ""
        }

        /// The content of the next packet that begins so.
        static func next(
            of client: EngineTestClient, _ start: String, from index: Int? = nil
        ) async throws -> TestValue {
            while true {
                guard case .text(let text) = try await client.messages.next(), text.hasPrefix(start) else { continue }
                return try TestValue(json: String(text.dropFirst(index ?? start.count)))
            }
        }
    }

    @Test("a device that continues its session hears nothing more of a channel that its person has left meanwhile")
    func formerChannel() async throws {
        try await withRecovery { chat in
            let ada = try await chat.person("Ada")
            let place = try await ada.home.emitWithAck("create", "Tea")[0]
            let space = String(try #require(place["room"]?["key"]?.string).dropFirst(2))
            let other = try await ada.community("/socket/commu-\(space)")
            let opening = try await other.emitWithAck("join", "Secret")[0]
            let key = try #require(opening["room"]?["key"]?.string)
            let start = "/socket/commu-\(space),"
            let auth: [String: TestValue] = ["person": .string(ada.token)]

            let lost = try await EngineTestClient.connect(to: chat.address, transport: .websocket)
            try await lost.send("0\(start)\(TestValue.object(auth).json)")
            let pid = try #require(try await Device.next(of: lost, "0\(start)")["pid"])
            // The place in the order of events comes with each of them.
            chat.io.of("/socket/commu-\(space)").emit("now")
            let event = try await Device.next(of: lost, #"2\#(start)["now""#, from: 1 + start.utf8.count)
            let offset = try #require(event[1])
            await lost.abort()
            try await eventually("one device is left") { chat.io.of("/socket/commu-\(space)").socketCount == 1 }
            #expect(try await other.emitWithAck("leave", .string(key)) == [true])

            let back = try await EngineTestClient.connect(to: chat.address, transport: .websocket)
            let again = auth.merging(["pid": pid, "offset": offset]) { first, _ in first }
            try await back.send("0\(start)\(TestValue.object(again).json)")
            #expect(try await Device.next(of: back, "0\(start)")["pid"] == pid, "it continues its session")
            let former = chat.io.of("/socket/commu-\(space)").in(Chat.channelRoom(key))
            try await eventually("nobody is in the channel") { try await former.fetchSockets().isEmpty }
            let general = Chat.channelRoom(RoomKey.channel(community: space, id: ChatID.of("general")).text)
            #expect(try await chat.io.of("/socket/commu-\(space)").in(general).fetchSockets().count == 2)
            await back.close()
        }
    }

    private func withRecovery(_ body: (ChatUnderTest) async throws -> Void) async throws {
        try await ChatUnderTest.run(configure: { $0.connectionStateRecovery = ConnectionStateRecovery() }, body)
    }

    @Test(
        "a lost session is continued by the same person, and by nobody else who has its secret id",
        arguments: [true, false])
    func person(isSame: Bool) async throws {
        try await withRecovery { chat in
            let (vic, mallory) = (try await Device(chat, ["name": "Vic"]), try await Device(chat, ["name": "Mallory"]))
            await vic.client.abort()
            try await eventually("one connection is lost") { chat.io.sockets.socketCount == 1 }
            let next = try await Device(
                chat,
                [
                    "pid": .string(vic.pid), "offset": .string(vic.offset), "name": isSame ? "Vic" : "Mallory",
                    "person": .string(isSame ? vic.token : mallory.token),
                ])
            #expect((next.pid == vic.pid) == isSame)
            #expect(next.id == (isSame ? vic.id : mallory.id))
            let sockets = try await chat.io.in(Visitor.room(of: vic.id)).fetchSockets()
            #expect(sockets.count == (isSame ? 1 : 0))
            for device in [mallory, next] { await device.client.close() }
        }
    }
}
