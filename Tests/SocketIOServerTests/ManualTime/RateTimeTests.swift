// Part of socketio-server, MIT licence; see LICENSE.

import MetricTesting
import NIOCore
import Testing

@testable import EngineIOServer
@testable import SocketIOServer

/// Rates on a clock that the test moves: how long a client is held, how often it is warned, and what is counted of it.
@Suite("Exact times: rates")
struct RateTimeTests {
    /// A client that may send ten packets a second, and ten at once. Its CONNECT was the first of them.
    private struct Sender {
        let server: ManualServer
        let client: ManualConnection
        let metrics: CountedMetrics
        /// The events that were handled.
        let handled: Recorder<Int>

        func send(_ numbers: Range<Int>) throws {
            for number in numbers { try client.send(text: "42[\"n\",\(number)]") }
        }

        /// How often the client has gone over its rate with this action; and no other figure of rates has moved.
        func expectCounted(_ action: RateAction, _ count: Int, _ location: SourceLocation = #_sourceLocation) {
            for kind in RateKind.allCases {
                for other in RateAction.allCases {
                    let labels = [("kind", kind.rawValue), ("action", other.rawValue)]
                    let expected = kind == .events && other == action ? count : 0
                    #expect(
                        metrics["socketio_rate_limited_total", labels] == Double(expected), "\(labels)",
                        sourceLocation: location)
                }
            }
        }
    }

    private func withSender(_ action: RateLimits.Action, _ body: (Sender) throws -> Void) throws {
        try CountedMetrics.counting { metrics in
            let handled = Recorder<Int>()
            let server = try ManualServer {
                $0.engine.pingInterval = .seconds(3_600)
                $0.connectTimeout = .seconds(3_600)
                $0.rates.action = action
                $0.rates.burstSeconds = 1
                $0.rates.session.eventsPerSecond = 10
            }
            server.io.onConnection { socket in socket.on("n") { (number: Int) in handled.append(number) } }
            let (client, _) = try server.join()
            try body(Sender(server: server, client: client, metrics: metrics, handled: handled))
            client.close()
        }
    }

    /// The eleventh packet owes 100 ms, and 100 ms more are waited for so that the next one may come.
    @Test("delayed: nothing is read before the client has paid, and everything after")
    func delay() throws {
        try withSender(.delay) { sender in
            try sender.send(0..<9)
            #expect(sender.handled.all == Array(0..<9))
            sender.expectCounted(.delay, 0)
            try sender.send(9..<16)
            #expect(sender.handled.all == Array(0..<10))
            sender.expectCounted(.delay, 1)
            sender.server.advance(.milliseconds(200) - .nanoseconds(1))
            #expect(sender.handled.count == 10)
            // What waits has its turn, 50 µs later: one packet that has been paid for, and one that has not.
            sender.server.advance(.nanoseconds(1))
            sender.server.advance(InputTurns.pause)
            #expect(sender.handled.all == Array(0..<12))
            sender.expectCounted(.delay, 2)
            sender.server.advance(.milliseconds(200) - InputTurns.pause - .nanoseconds(1))
            #expect(sender.handled.count == 12)
            sender.server.advance(.nanoseconds(1))
            sender.server.advance(InputTurns.pause)
            #expect(sender.handled.all == Array(0..<14))
            sender.server.advance(.seconds(1))
            #expect(sender.handled.all == Array(0..<16))
        }
    }

    @Test("warned: once in a second, and told how long it has to wait")
    func warn() throws {
        try withSender(.warn) { sender in
            try sender.send(0..<9)
            #expect(try sender.client.text() == nil)
            try sender.send(9..<40)
            #expect(sender.handled.all == Array(0..<40))
            #expect(
                try sender.client.text()
                    == #"42["rate_limited",{"kind":"events","scope":"session","retryAfterMs":201}]"#)
            sender.expectCounted(.warn, 31)
            // It owes more than a second, and is not told so again before the second is over.
            sender.server.advance(.seconds(1) - .nanoseconds(1))
            try sender.send(40..<45)
            #expect(try sender.client.text() == nil)
            sender.expectCounted(.warn, 36)
            sender.server.advance(.nanoseconds(1))
            try sender.send(45..<50)
            #expect(try sender.client.text()?.hasPrefix(#"42["rate_limited",{"kind":"events""#) == true)
            #expect(try sender.client.text() == nil)
            #expect(sender.handled.all == Array(0..<50))
        }
    }

    @Test("dropped: what is over the rate, and nothing that has been paid for")
    func drop() throws {
        try withSender(.drop) { sender in
            try sender.send(0..<30)
            #expect(sender.handled.all == Array(0..<9))
            sender.expectCounted(.drop, 21)
            sender.server.advance(.milliseconds(100) - .nanoseconds(1))
            try sender.send(30..<32)
            #expect(sender.handled.count == 9)
            sender.expectCounted(.drop, 23)
            sender.server.advance(.nanoseconds(1))
            try sender.send(32..<34)
            #expect(sender.handled.all == Array(0..<9) + [32])
            sender.expectCounted(.drop, 24)
        }
    }

    @Test("disconnected: with the first packet over the rate")
    func disconnect() throws {
        try withSender(.disconnect) { sender in
            try sender.send(0..<9)
            #expect(sender.server.sessionCount == 1)
            try sender.send(9..<10)
            #expect(sender.server.sessionCount == 0)
            #expect(sender.handled.all == Array(0..<9))
            sender.expectCounted(.disconnect, 1)
        }
    }

    @Test("without rates nothing is counted")
    func none() throws {
        try withSender(.drop) { sender in
            var configuration = sender.server.io.configuration
            configuration.rates = RateLimits()
            try sender.server.io.reload(configuration)
            sender.server.advance(.zero)
            try sender.send(0..<1_000)
            #expect(sender.handled.count == 1_000)
            sender.expectCounted(.drop, 0)
        }
    }
}
