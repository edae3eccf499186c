// Part of socketio-server, MIT licence; see LICENSE.

import MetricTesting
import NIOConcurrencyHelpers
import SocketIOTesting
import Testing

@testable import Chat

@Suite("Who is here")
struct PresenceTests {
    private final class Told: Sendable {
        let own = NIOLockedValueBox<[Presence.Change]>([])
        let seen = NIOLockedValueBox<[Presence.Change]>([])
        let times = NIOLockedValueBox(0)
    }

    private func make() -> (Presence, Told) {
        let told = Told()
        return (
            Presence { _, own, seen in
                told.own.withLockedValue { $0 += own }
                told.seen.withLockedValue { $0 += seen }
                told.times.withLockedValue { $0 += 1 }
            }, told
        )
    }

    private let limits = ChatUnderTest.limits
    private let ada = ChatPerson(id: "ada", name: "Ada")

    private func change(_ person: String, _ isHere: Bool) -> Presence.Change {
        Presence.Change(space: "", person: person, name: person, isHere: isHere)
    }

    @Test("several tabs count once, also on several servers")
    func tabs() async throws {
        let (presence, told) = make()
        presence.arrived(ada, in: "", limits: limits)
        presence.arrived(ada, in: "", limits: limits)
        try await eventually("told") { told.seen.withLockedValue { $0.count } == 1 }
        presence.heard("other", [change("ada", true)], limits: limits)
        presence.departed(ada, in: "", limits: limits, atOnce: true)
        #expect(presence.isHere("ada") && presence.own.people.count == 1)
        presence.departed(ada, in: "", limits: limits, atOnce: true)
        try await eventually("the other servers are told") { told.own.withLockedValue { $0.count } == 2 }
        #expect(presence.isHere("ada") && told.seen.withLockedValue { $0.count } == 1, "still on the other server")
        presence.heard("other", [change("ada", false)], limits: limits)
        try await eventually("gone") { told.seen.withLockedValue { $0.last?.isHere } == false }
        #expect(!presence.isHere("ada") && presence.people(in: "", limit: 9).count == 0)
    }

    @Test("a crowd that comes at once is told in one message")
    func crowd() async throws {
        let (presence, told) = make()
        var slow = limits
        slow.presenceInterval = .milliseconds(300)
        for number in 0..<5_000 {
            presence.arrived(ChatPerson(id: "p\(number)", name: "P\(number)"), in: "c", limits: slow)
        }
        try await eventually("told") { told.seen.withLockedValue { $0.count } == 5_000 }
        #expect(told.times.withLockedValue { $0 } <= 3)
        #expect(presence.people(in: "c", limit: 200).count == 5_000)
        #expect(presence.people(in: "c", limit: 200).first.count == 200)
    }

    @Test("a reload is neither a departure nor an arrival")
    func reload() async throws {
        let (presence, told) = make()
        var slow = limits
        slow.presenceGrace = .seconds(60)
        presence.arrived(ada, in: "", limits: slow)
        try await eventually("told") { told.seen.withLockedValue { $0.count } == 1 }
        presence.departed(ada, in: "", limits: slow, atOnce: false)
        presence.arrived(ada, in: "", limits: slow)
        presence.arrived(ChatPerson(id: "bob", name: "Bob"), in: "", limits: slow)
        try await eventually("told") { told.seen.withLockedValue { $0.count } == 2 }
        #expect(told.seen.withLockedValue { $0.map(\.person) } == ["ada", "bob"])
    }

    @Test("the people of a server that has died are gone, those it had missed are there")
    func death() async throws {
        let (presence, told) = make()
        presence.heard("one", [change("ada", true), change("bob", true)], limits: limits)
        presence.heard("two", [change("bob", true), change("eve", true)], limits: limits)
        try await eventually("told") { told.seen.withLockedValue { $0.count } == 3 }
        presence.replace(
            [Presence.Node(node: "two", people: [change("bob", true), change("kim", true)])], limits: limits)
        try await eventually("told") { told.seen.withLockedValue { $0.count } == 6 }
        #expect(!presence.isHere("ada") && presence.isHere("bob") && !presence.isHere("eve") && presence.isHere("kim"))
        // What another server says is bounded.
        presence.heard(
            "three", [change(String(repeating: "x", count: 1_000), true), change("a b", true)], limits: limits)
        #expect(presence.people(in: "", limit: 9).count == 2)
    }

    @Test("people of other servers are bounded in number, whoever tells of them; what is left out is counted")
    func bounded() {
        CountedMetrics.counting { metrics in
            let (presence, _) = make()
            let most = Presence.maximumOthers
            for start in stride(from: 0, to: most, by: 10_000) {
                presence.heard("n\(start)", (start..<start + 10_000).map { change("p\($0)", true) }, limits: limits)
            }
            #expect(presence.people(in: "", limit: 9).count == most)
            #expect(metrics["socketio_chat_presence_left_out_total"] == 0)
            presence.heard("more", [change("one", true), change("p1", true)], limits: limits)
            #expect(!presence.isHere("one") && metrics["socketio_chat_presence_left_out_total"] == 2)
            // Own people always have a place.
            presence.arrived(ada, in: "", limits: limits)
            #expect(presence.isHere("ada") && presence.people(in: "", limit: 9).first.count == 9)
            // Servers that do not answer are gone, and their people with them.
            presence.replace([Presence.Node(node: "n0", people: [change("p0", true)])], limits: limits)
            #expect(presence.people(in: "", limit: 9).count == 2)
            presence.heard("more", [change("one", true)], limits: limits)
            #expect(presence.isHere("one"))
        }
    }
}
