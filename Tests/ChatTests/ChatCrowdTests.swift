// Part of socketio-server, MIT licence; see LICENSE.

import NIOConcurrencyHelpers
import SocketIOServer
import SocketIOTesting
import Testing

@testable import Chat

/// People for whom a name costs nothing, and who do many things at once.
@Suite("The chat and people with many names")
struct ChatCrowdTests {
    private let lobby = "/socket/commu-lobby"
    private let general = TestValue.string(RoomKey.channel(community: "lobby", id: ChatID.of("general")).text)

    private func code(_ answer: [TestValue]) -> String? { answer.first?["error"]?["data"]?["code"]?.string }

    private func said(_ id: String) -> TestValue { ["id": .string(id), "text": "x"] }

    /// Limits of one message a minute for a person, and of `factor` for an address.
    private func limits(_ factor: Int) -> ChatLimits {
        var limits = ChatUnderTest.limits
        limits.messagesPerMinute = 1
        limits.addressFactor = factor
        return limits
    }

    @Test("many names at one address write as much as so many people may, and not more")
    func oneAddress() async throws {
        // Each person who comes counts as a message.
        for (factor, allowed) in [(6, 3), (0, 5)] {
            try await ChatUnderTest.run(limits(factor)) { chat in
                var answers: [String] = []
                for number in 0..<5 {
                    do {
                        let room = try await chat.person("Person \(number)").community(lobby)
                        let answer = try await room.emitWithAck("message", general, said("m\(number)"))
                        answers.append(code(answer) ?? "said")
                    } catch let refusal as RefusedNamespace {
                        answers.append(refusal.reason["data"]?["code"]?.string ?? "")
                    }
                }
                #expect(answers.count { $0 == "said" } == allowed, "\(answers)")
                #expect(answers.count { $0 == "slow-down" } == 5 - allowed)
            }
        }
    }

    @Test("a new room costs an address as much as ten messages")
    func roomsOfAnAddress() async throws {
        try await ChatUnderTest.run(limits(24)) { chat in
            var answers: [String] = []
            for number in 0..<3 {
                let person = try await chat.person("Person \(number)")
                answers.append(code(try await person.home.emitWithAck("create", "Tea")) ?? "made")
            }
            #expect(answers == ["made", "made", "slow-down"])
        }
    }

    @Test("what is taken from an address comes back, and people with a login are limited alone")
    func addressAndLogin() {
        let table = RateTable()
        let start = ContinuousClock.now
        for _ in 0..<3 { #expect(table.take("a", cost: 1, perSecond: 0.5, burst: 3, now: start) == nil) }
        #expect(table.take("a", cost: 1, perSecond: 0.5, burst: 3, now: start) == .seconds(2))
        #expect(table.take("b", cost: 1, perSecond: 0.5, burst: 3, now: start) == nil)
        #expect(table.take("a", cost: 1, perSecond: 0.5, burst: 3, now: start + .seconds(2)) == nil)
        #expect(table.take("a", cost: 4, perSecond: 0.5, burst: 3, now: start + .seconds(10)) == nil, "once, when full")
        #expect(table.take("a", cost: 1, perSecond: 0.5, burst: 3, now: start + .seconds(10)) == .seconds(2))
    }

    @Test("buckets that are full again take no memory")
    func fullBuckets() {
        let table = RateTable()
        let start = ContinuousClock.now
        for number in 0..<100_000 {
            let now = start + .milliseconds(number)
            #expect(table.take("p\(number)", cost: 1, perSecond: 2, burst: 30, now: now) == nil)
        }
        #expect(table.count <= 2_048, "half a second fills a bucket")
        // One that is not full is kept meanwhile.
        #expect(table.take("slow", cost: 30, perSecond: 0.001, burst: 30, now: start) == nil)
        for number in 0..<5_000 {
            _ = table.take("q\(number)", cost: 1, perSecond: 2, burst: 30, now: start + .milliseconds(number))
        }
        #expect(table.take("slow", cost: 1, perSecond: 0.001, burst: 30, now: start + .seconds(5)) != nil)
    }

    @Test("a rate of nothing refuses what is beyond the first burst, and does not end the process")
    func rateOfNothing() throws {
        let (table, start) = (RateTable(), ContinuousClock.now)
        #expect(table.take("p", cost: 1, perSecond: 0, burst: 1, now: start) == nil)
        let wait = try #require(table.take("p", cost: 1, perSecond: 0, burst: 1, now: start))
        #expect(wait > .seconds(86_400))
        #expect(table.take("q", cost: 50_000_000, perSecond: 0, burst: 0, now: start) == nil)
        #expect(table.take("q", cost: 50_000_000, perSecond: 0, burst: 0, now: start + .seconds(86_400)) != nil)
    }

    @Test("files of an address are limited in bytes: at the limit, and one byte more")
    func uploads() async throws {
        var limits = ChatUnderTest.limits
        limits.uploadBytesPerHour = 10_000
        try await ChatUnderTest.run(limits) { chat in
            var sent = 0
            for name in ["Ada", "Bob"] {
                let person = try await chat.person(name)
                let file: TestValue = ["id": "f", "name": "a", "type": "a/b", "size": 9_000]
                _ = try await person.home.emitWithAck("upload", file)
                let piece = TestValue.binary([UInt8](repeating: 7, count: 5_000))
                #expect(try await person.home.emitWithAck("piece", "f", 0, piece) == [5_000])
                sent += 5_000
            }
            let ada = try await chat.person("Eve")
            _ = try await ada.home.emitWithAck("upload", ["id": "f", "name": "a", "type": "a/b", "size": 9_000])
            // Some bytes have come back since.
            let piece = TestValue.binary([UInt8](repeating: 7, count: 5_000))
            #expect(code(try await ada.home.emitWithAck("piece", "f", 0, piece)) == "slow-down")
            #expect(sent == 10_000)
        }
    }

    @Test("asking for very many people at once follows 200 of them")
    func looksAtOnce() async throws {
        try await ChatUnderTest.run { chat in
            let ada = try await chat.person("Ada")
            await withTaskGroup(of: Void.self) { group in
                for start in stride(from: 0, to: 1_000, by: 50) {
                    let people = (start..<start + 50).map { TestValue.string("person\($0)") }
                    group.addTask { _ = try? await ada.home.emitWithAck("look", .array(people)) }
                }
            }
            let socket = try #require(await chat.io.sockets.sockets().first)
            #expect(socket.rooms.count { $0.hasPrefix("look:") } == 200)
        }
    }

    @Test("a muted person cannot speak through the title of a channel")
    func mutedTitles() async throws {
        try await ChatUnderTest.run { chat in
            let (ada, bob) = (try await chat.person("Ada"), try await chat.person("Bob"))
            let place = try await ada.home.emitWithAck("create", "Tea")[0]
            let id = try #require(place["room"]?["key"]?.string).dropFirst(2)
            let own = try await ada.community("/socket/commu-\(id)")
            let theirs = try await bob.community("/socket/commu-\(id)")
            #expect(try await own.emitWithAck("mute", .string(bob.id), 10) == [true])
            #expect(code(try await theirs.emitWithAck("join", "Ada is a liar")) == "muted")
            #expect(try await own.emitWithAck("enter")[0]["others"] == [])
            #expect(try await theirs.emitWithAck("join", "general")[0]["room"] != nil, "a channel that is there")
        }
    }

    @Test("whoever has left a community hears and reads nothing of it any more, with any device")
    func afterQuitting() async throws {
        try await ChatUnderTest.run { chat in
            let (ada, bob) = (try await chat.person("Ada"), try await chat.person("Bob"))
            let talking = try await ada.community(lobby)
            let leaving = try await bob.community(lobby)
            let phone = try await chat.person("Bob", token: bob.token)
            let onPhone = try await phone.community(lobby)
            #expect(try await leaving.emitWithAck("quit") == [true])
            await #expect(throws: (any Error).self, "the other device is disconnected") {
                while true { _ = try await onPhone.events.next() }
            }
            for event in ["open", "join"] {
                #expect(code(try await leaving.emitWithAck(event, general)) == "no-room", "\(event)")
            }
            _ = try await talking.emitWithAck("message", general, said("m1"))
            chat.io.of(lobby).emit("end")
            while case let event = try await leaving.events.next(), event.name != "end" {
                #expect(event.name != "message")
            }
        }
    }

    @Test("searches wait for their turn, and are refused when too many wait")
    func searchQueue() async throws {
        let queue = SearchQueue(maximumRunning: 1)
        let gate = NIOLockedValueBox<CheckedContinuation<Void, Never>?>(nil)
        let running = NIOLockedValueBox((now: 0, most: 0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await queue.run {
                    await withCheckedContinuation { continuation in gate.withLockedValue { $0 = continuation } }
                }
            }
            try await eventually("the first runs") { gate.withLockedValue { $0 != nil } }
            for _ in 0..<SearchQueue.maximumWaiting {
                group.addTask {
                    try await queue.run {
                        running.withLockedValue { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
                        await Task.yield()
                        running.withLockedValue { $0.now -= 1 }
                    }
                }
            }
            try await eventually("the others wait") { queue.waitingCount == SearchQueue.maximumWaiting }
            await #expect(throws: EventError.self) { try await queue.run {} }
            gate.withLockedValue { $0 }?.resume()
            try await group.waitForAll()
        }
        #expect(running.withLockedValue { $0.most } == 1 && queue.waitingCount == 0)
        try await queue.run {}
    }
}
