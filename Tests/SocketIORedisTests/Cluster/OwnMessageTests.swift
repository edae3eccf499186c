// Part of socketio-server, MIT licence; see LICENSE.

import NIOConcurrencyHelpers
import NIOCore
import Testing

@testable import SocketIORedis

/// What a node remembers of its own messages while Redis is away.
@Suite("Own messages of a stream")
struct OwnMessageTests {
    private final class Deliveries: Sendable {
        private let names = NIOLockedValueBox<[String]>([])
        var all: [String] { names.withLockedValue { $0 } }
        func add(_ name: String) { names.withLockedValue { $0.append(name) } }
    }

    private let deliveries = Deliveries()

    private func add(_ name: String, of bytes: Int = 10, to own: OwnMessages) -> ByteBuffer {
        let payload = ByteBuffer(string: name + String(repeating: "x", count: bytes - name.utf8.count))
        own.add(payload) { [deliveries] in deliveries.add(name) }
        return payload
    }

    @Test("are delivered in order when the link is lost, and are known when they are read")
    func early() {
        let own = OwnMessages()
        let payloads = ["a", "b", "c"].map { add($0, to: own) }
        #expect(!own.read(payloads[0]))
        own.linkLost()
        #expect(deliveries.all == ["b", "c"] && own.earlyBytes == 20)
        #expect(own.read(payloads[1]))
        #expect(own.read(payloads[2]))
        #expect(own.earlyBytes == 0)
        #expect(!own.read(payloads[2]))
    }

    @Test("that never reach Redis are forgotten as soon as that is known")
    func lost() {
        let own = OwnMessages()
        let payloads = ["a", "b"].map { add($0, to: own) }
        own.linkLost()
        for payload in payloads { own.lost(payload) }
        #expect(deliveries.all == ["a", "b"], "each once")
        #expect(own.earlyBytes == 0)
        let late = add("c", to: own)
        own.lost(late)
        #expect(deliveries.all == ["a", "b", "c"])
    }

    @Test("are remembered up to a number of bytes; the oldest are forgotten")
    func bounded() {
        let own = OwnMessages(maximumEarlyBytes: 50)
        let payloads = ["a", "b", "c", "d", "e", "f"].map { add($0, to: own) }
        own.linkLost()
        #expect(deliveries.all.count == 6 && own.earlyBytes == 50)
        #expect(!own.read(payloads[0]))
        #expect(own.read(payloads[1]))
        // Outage after outage.
        for _ in 0..<100 {
            _ = add("g", of: 20, to: own)
            own.linkLost()
        }
        #expect(own.earlyBytes == 40)
    }
}
