// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import Testing

@testable import HiredisNIO

@Suite("SubscriptionTable and Backoff")
struct SubscriptionTableTests {
    private typealias Table = SubscriptionTable<String>
    private let key = Table.Key(kind: .channel, channel: "a")

    private func text(_ action: Table.Action) -> String {
        switch action {
        case .send(let request): "\(request.commandName) \(request.channel)"
        case .wait: "wait"
        case .done: "done"
        }
    }

    private func request(_ isUnsubscribe: Bool = false) -> SubscriptionRequest {
        SubscriptionRequest(kind: .channel, channel: "a", isUnsubscribe: isUnsubscribe)
    }

    @Test("Wished while down, asked for at each connection")
    func reconnect() {
        var table = Table()
        #expect(text(table.subscribe(key, "one")) == "wait")
        #expect(table.connected() == [request()])
        #expect(text(table.subscribe(key, "two")) == "wait")
        #expect(table.answered(request(), nil) == ["one", "two"])
        #expect(text(table.subscribe(key, "three")) == "done")
        #expect(table.lost() == [])
        #expect(table.connected() == [request()])
        #expect(table.answered(request(), nil) == [])
        #expect(table.count == 1)
    }

    @Test("Every change of mind is one command")
    func changes() {
        var table = Table()
        _ = table.connected()
        #expect(text(table.subscribe(key, "s1")) == "SUBSCRIBE a")
        let (first, givenUp) = table.unsubscribe(key, "u1")
        #expect(text(first) == "UNSUBSCRIBE a" && givenUp == ["s1"])
        #expect(text(table.unsubscribe(key, "u2").0) == "wait")
        #expect(text(table.subscribe(key, "s2")) == "SUBSCRIBE a")
        #expect(table.answered(request(), nil) == ["s2"])
        #expect(table.answered(request(true), nil) == ["u1", "u2"])
        #expect(table.answered(request(), nil) == [])
        #expect(text(table.subscribe(key, "s3")) == "done")
        #expect(text(table.unsubscribe(key, "u3").0) == "UNSUBSCRIBE a")
        #expect(table.answered(request(true), nil) == ["u3"])
        #expect(table.count == 0 && text(table.unsubscribe(key, "u4").0) == "done")
    }

    @Test("A loss completes what was being given up")
    func lossWhileLeaving() {
        var table = Table()
        _ = table.connected()
        _ = table.subscribe(key, "s")
        _ = table.answered(request(), nil)
        _ = table.unsubscribe(key, "u")
        #expect(table.lost() == ["u"])
        #expect(table.connected() == [])
    }

    @Test("A first refusal ends the wish, a later one does not")
    func refusals() {
        let error = RedisError(.permission, "no")
        var table = Table()
        _ = table.connected()
        _ = table.subscribe(key, "s")
        #expect(table.answered(request(), error) == ["s"])
        #expect(table.count == 0 && table.refusals.isEmpty)
        _ = table.subscribe(key, "s")
        #expect(table.answered(request(), nil) == ["s"])
        _ = table.lost()
        #expect(table.connected() == [request()])
        #expect(table.answered(request(), error) == [])
        #expect(table.refusals.count == 1 && table.count == 1)
        #expect(text(table.subscribe(key, "again")) == "SUBSCRIBE a")
        #expect(table.refusals.isEmpty)
        #expect(table.answered(request(), nil) == ["again"])
    }

    @Test("A subscription the server takes away is asked for again")
    func taken() {
        var table = Table()
        _ = table.connected()
        _ = table.subscribe(key, "s")
        _ = table.answered(request(), nil)
        #expect(table.taken(key) == request())
        #expect(table.taken(.init(kind: .sharded, channel: "other")) == nil)
        #expect(table.removeAll() == [])
    }

    @Test("Back-off: at once, then in proportion to the outage, at most five seconds")
    func backoff() {
        var backoff = Backoff(minimum: .milliseconds(50), maximum: .seconds(5))
        var now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
        backoff.attemptStarted(at: now)
        backoff.connected(at: now)
        now = now + .seconds(10)
        #expect(backoff.nextDelay(now: now, random: 0.99) <= .milliseconds(5))
        let lost = now
        var delays: [TimeAmount] = []
        while now - lost < .seconds(120) {
            backoff.attemptStarted(at: now)
            let delay = backoff.nextDelay(now: now, random: 0)
            delays.append(delay)
            #expect(delay >= .milliseconds(50) && delay <= .seconds(5))
            #expect(delay <= max(.milliseconds(50), .nanoseconds((now - lost).nanoseconds / 10 + 1)))
            now = now + delay
        }
        #expect(delays.first == .milliseconds(50) && delays.last == .seconds(5))
        backoff.attemptStarted(at: now)
        #expect(backoff.nextDelay(now: now + .seconds(2), random: 0) == .seconds(3), "counted from the attempt")
    }

    @Test("Back-off: a server that is back within ten seconds is found within 100 ms", arguments: [0, 0.5, 0.999])
    func shortOutage(random: Double) {
        // How long the server is away, in steps that fall between the attempts.
        for absence in stride(from: 3, to: 10_000, by: 37) {
            var backoff = Backoff(minimum: .milliseconds(50), maximum: .seconds(5))
            var now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
            backoff.attemptStarted(at: now)
            backoff.connected(at: now)
            now = now + .seconds(60)
            let back = now + .milliseconds(Int64(absence))
            while now < back {
                now = now + backoff.nextDelay(now: now, random: random)
                backoff.attemptStarted(at: now)
            }
            #expect(now - back <= .milliseconds(100), "\(absence) ms")
        }
    }

    @Test("Connections that die at once are not tried ever faster")
    func flapping() {
        var backoff = Backoff(minimum: .milliseconds(50), maximum: .seconds(5))
        var now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
        var delays: [Int64] = []
        for _ in 0..<9 {
            backoff.attemptStarted(at: now)
            backoff.connected(at: now)
            now = now + .milliseconds(10)
            let delay = backoff.nextDelay(now: now, random: 0)
            delays.append(delay.nanoseconds / 1_000_000)
            now = now + delay
        }
        #expect(delays == [0, 50, 100, 200, 400, 800, 1600, 3200, 5000])
    }
}
