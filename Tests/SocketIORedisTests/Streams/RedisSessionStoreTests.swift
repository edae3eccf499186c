// Part of socketio-server, MIT licence; see LICENSE.

import MetricTesting
import NIOConcurrencyHelpers
import NIOCore
import SocketIOCore
import SocketIORedis
import SocketIOTesting
import Testing

@testable import HiredisNIO
@testable import SocketIOServer

/// Looking sessions up, claiming them, and waiting for what a client has seen, over a Redis that the test plays.
@Suite("Sessions in Redis", .timeLimit(.minutes(1)))
struct RedisSessionStoreTests {
    private func value(_ record: KeptSession) throws -> RESPValue { .bulk(try StoredSession.encode(record)) }

    @Test("A session that is not there, cannot be asked for, or cannot be read")
    func lookUp() async throws {
        try await ManualNode.runStreams { node, _, store in
            let pid = try session().pid
            await #expect(throws: RecoveryFailure.unknownPid) { try await store.find(pid, in: "/") }
            node.transport.with { $0.answer = { _ in throw Refused() } }
            await #expect(throws: RecoveryFailure.storeUnavailable) { try await store.find(pid, in: "/") }
            node.transport.with { $0.answer = { _ in .text("garbage") } }
            await #expect(throws: RecoveryFailure.unknownPid) { try await store.find(pid, in: "/") }
            let stored = try value(session(owner: "x"))
            node.transport.with { $0.answer = { $0[0] == "GET" ? stored : .null } }
            #expect(try await store.find(pid, in: "/").owner == "x")
        }
    }

    @Test("A record of as many bytes as Redis keeps, and one of more")
    func size() async throws {
        try await CountedMetrics.counting { (metrics: CountedMetrics) async throws in
            var record = try session(owner: "x")
            record.data = .string(String(repeating: "d", count: 3_000))
            let stored = try StoredSession.encode(record)
            for (limit, isKept) in [(stored.readableBytes, true), (stored.readableBytes - 1, false)] {
                var streams = RedisStreams()
                streams.maxSessionBytes = limit
                let (value, commands) = (RESPValue.bulk(stored), Recorder<String>())
                try await ManualNode.runStreams(streams: streams) { node, _, store in
                    node.transport.with {
                        $0.answer = { words in
                            if words[0] == "SET" || words[0] == "DEL" { commands.append(words[0]) }
                            return words[0] == "GET" ? value : .null
                        }
                    }
                    store.keep(record, for: .seconds(10))
                    try await eventually("it is written") { commands.count == 1 }
                    #expect(commands.all == [isKept ? "SET" : "DEL"])
                    if isKept {
                        #expect(try await store.find(record.pid, in: "/").sid == record.sid)
                    } else {
                        await #expect(throws: RecoveryFailure.unknownPid) { try await store.find(record.pid, in: "/") }
                    }
                    let refusals = metrics["socketio_adapter_limit_refusals_total", [("limit", "session_bytes")]]
                    #expect(refusals == (isKept ? 0 : 2))
                }
            }
        }
    }

    @Test("A record of another session than the one that was asked for is none")
    func otherSession() async throws {
        try await ManualNode.runStreams { node, _, store in
            let record = try session(owner: "x")
            let stored = try value(record)
            node.transport.with { $0.answer = { $0[0] == "GET" || $0[0] == "EVAL" ? stored : .null } }
            let other = try #require(PackedID("nod1bbbbccccddddeeef"))
            #expect(try await store.find(record.pid, in: "/").sid == record.sid)
            await #expect(throws: RecoveryFailure.unknownPid) { try await store.find(other, in: "/") }
        }
    }

    @Test("A session is claimed once")
    func claim() async throws {
        try await ManualNode.runStreams { node, _, store in
            let record = try session()
            let stored = NIOLockedValueBox<RESPValue?>(try value(record))
            node.transport.with { state in
                state.answer = { words in
                    guard words[0] == "EVAL" else { return .null }
                    return stored.withLockedValue { value in
                        defer { value = nil }
                        return value ?? .null
                    }
                }
            }
            #expect(try await store.claim(record).sid == record.sid)
            await #expect(throws: RecoveryFailure.alreadyUsed) { try await store.claim(record) }
        }
    }

    @Test("A session of a dead node is taken, that of a live one only when it gives it up")
    func owner() async throws {
        try await ManualNode.runStreams(subscribers: 2) { node, _, store in
            let record = try session(owner: "holder")
            let (held, given) = (try value(record), try value(session()))
            node.transport.with { $0.answer = { $0[0] == "GET" || $0[0] == "EVAL" ? held : .null } }
            node.transport.forget()
            // It listens, and does not answer.
            await #expect(throws: RecoveryFailure.ownerUnreachable) { try await store.claim(record) }
            #expect(node.questions.contains { $0.text.contains(#""what":"release""#) })
            // It gives the session up while it is waited for.
            let asked = NIOLockedValueBox(0)
            node.transport.with { state in
                state.answer = { words in
                    let count = asked.withLockedValue { count in
                        count += 1
                        return count
                    }
                    return count < 3 ? held : given
                }
            }
            #expect(try await store.claim(record).owner == nil)
            // It is dead.
            node.transport.with { $0.deserted = ["\(node.cluster.configuration.key)-node#holder#"] }
            node.transport.with { $0.answer = { $0[0] == "EVAL" ? held : .null } }
            node.transport.forget()
            #expect(try await store.claim(record).sid == record.sid)
            #expect(!node.questions.contains { $0.text.contains("release") })
        }
    }

    @Test("A session that another connection has continued since it was found is asked for, and not taken beside it")
    func continuedMeanwhile() async throws {
        try await ManualNode.runStreams(subscribers: 2) { node, _, store in
            let record = try session()
            let (held, given) = (try value(session(owner: "holder")), try value(record))
            let (asked, putBack) = (NIOLockedValueBox(0), NIOLockedValueBox(0))
            node.transport.with { state in
                state.answer = { words in
                    if words[0] == "SET", words.last == "NX" { putBack.withLockedValue { $0 += 1 } }
                    guard words[0] == "GET" || words[0] == "EVAL" else { return .null }
                    return asked.withLockedValue { asked in
                        asked += 1
                        return asked < 4 ? held : given
                    }
                }
            }
            node.transport.forget()
            #expect(try await store.claim(record).owner == nil)
            #expect(node.questions.contains { $0.text.contains(#""what":"release""#) })
            #expect(putBack.withLockedValue { $0 } == 1)
            // Of this node.
            let own = try value(session(owner: store.owner))
            node.transport.with { $0.answer = { $0[0] == "EVAL" ? own : .null } }
            node.transport.forget()
            await #expect(throws: RecoveryFailure.alreadyUsed) { try await store.claim(record) }
            #expect(!node.questions.contains { $0.text.contains("release") })
        }
    }

    @Test("A client waits until the node has read what it has seen elsewhere")
    func offset() async throws {
        try await ManualNode.runStreams { node, _, store in
            let position = EventPosition(high: 1_000, low: 1)
            async let settled = store.settle(offset: position, nil, in: "/")
            try await node.transport.deliver(
                RedisStreamID(milliseconds: 1_000, sequence: 1), "other", "/", "3", broadcast(1))
            #expect(try await settled == [])
            // An offset of the future that nobody has given out.
            await #expect(throws: RecoveryFailure.unknownOffset) {
                try await store.settle(offset: EventPosition(high: .max, low: 0), nil, in: "/")
            }
        }
    }

    @Test("What a client has got early from another node is known from there")
    func early() async throws {
        try await ManualNode.runStreams { node, _, store in
            let known = NIOLockedValueBox("1 0-0\n1 5-0")
            node.transport.with { state in
                state.answer = { words in
                    words == ["GET", "sio:rec:early:else"] ? .text(known.withLockedValue { $0 }) : .null
                }
            }
            @Sendable func settle(_ number: UInt64) async throws -> Set<EventPosition> {
                try await store.settle(offset: .zero, EarlyMark(node: "else", number: number), in: "/")
            }
            let first = try await settle(1)
            #expect(first == [EventPosition(high: 5, low: 0)])
            async let later = settle(3)
            known.withLockedValue { $0 = "3 0-0\n1 5-0\n2 7-0\n3 7-1\n4 9-0" }
            let all = try await later
            #expect(
                all == [EventPosition(high: 5, low: 0), EventPosition(high: 7, low: 0), EventPosition(high: 7, low: 1)])
            // Nobody knows of them: after some seconds, not silently.
            known.withLockedValue { $0 = "garbage" }
            await #expect(throws: RecoveryFailure.unknownOffset) { try await settle(3) }
        }
    }
}
