// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import Testing

@Suite("Handshake")
struct HandshakeTests {
    @Test func openPacketHasFiveKeysInOrder() {
        let json = HandshakeJSON.open(
            sid: "lv_VI97HAXpY6yYWAAAC", upgrades: ["websocket"], pingInterval: 25000, pingTimeout: 20000,
            maxPayload: 1_000_000)
        #expect(
            json.text
                == #"{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"#
                + #""pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#)
        let odd = HandshakeJSON.open(
            sid: "a\"\\\n\u{1F}é", upgrades: [], pingInterval: 1, pingTimeout: 2, maxPayload: 3)
        #expect(
            odd.text == #"{"sid":"a\"\\\u000a\u001fé","upgrades":[],"pingInterval":1,"pingTimeout":2,"maxPayload":3}"#)
    }

    @Test func sessionIDsNameNodeAndShard() {
        let generator = SessionIDGenerator(nodeTag: "n-0_")
        var rng = SeededGenerator(seed: 7)
        var seen: Set<String> = []
        for shard in 0..<SessionID.maximumShards {
            let sid = generator.next(shard: shard, using: &rng)
            #expect(sid.utf8.count == 20)
            #expect(SessionID.isWellFormed(sid))
            #expect(PackedID(sid)?.shard == shard)
            #expect(SessionID.nodeTag(of: sid) == "n-0_")
            seen.insert(String(sid.dropFirst(5)))
        }
        #expect(seen.count == 64)
        #expect(SessionID.isWellFormed(generator.next(shard: 63)))
    }

    @Test func randomLettersAreSpreadOverTheAlphabet() {
        let generator = SessionIDGenerator(nodeTag: "abcd")
        var rng = SeededGenerator(seed: 8)
        var counts: [[Character: Int]] = Array(repeating: [:], count: 15)
        for _ in 0..<6400 {
            for (index, letter) in generator.next(shard: 0, using: &rng).dropFirst(5).enumerated() {
                counts[index][letter, default: 0] += 1
            }
        }
        for position in counts {
            #expect(position.count == 64)
            #expect(position.values.allSatisfy { (50...160).contains($0) })
        }
    }

    @Test(arguments: ["", "abc", "AAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAA", "AAAA AAAAAAAAAAAAAAA", "ééééééééé1é"])
    func foreignIDsHaveNoShard(sid: String) {
        #expect(PackedID(sid)?.shard == nil)
        #expect(SessionID.nodeTag(of: sid) == nil)
    }

    @Test func tags() {
        #expect(SessionID.isValidTag("a-_9"))
        for tag in ["", "abc", "abcde", "ab d", "é12", "ab.c"] { #expect(!SessionID.isValidTag(tag)) }
    }

    @Test func randomIDs() {
        let ids = Set((0..<1000).map { _ in RandomID.make() })
        #expect(ids.count == 1000)
        #expect(ids.allSatisfy { SessionID.isWellFormed($0) })
        var rng = SeededGenerator(seed: 1)
        #expect(SessionID.isValidTag(RandomID.make(length: 4, using: &rng)))
    }

    @Test(
        arguments: [
            ("/socket.io/?EIO=4&transport=polling", [("EIO", "4"), ("transport", "polling")]),
            ("/socket.io/", []), ("/socket.io/?", []), ("/?&&a=1&&", [("a", "1")]),
            ("/?a=1&a=2", [("a", "1"), ("a", "2")]), ("/?a", [("a", "")]), ("/?=1", [("", "1")]),
            ("/?a=b=c", [("a", "b=c")]), ("/?a+b=c+d", [("a b", "c d")]), ("/?%61=%E2%82%AC", [("a", "€")]),
            ("/?a=%", [("a", "%")]), ("/?a=%4", [("a", "%4")]), ("/?a=%zz%4x%41", [("a", "%zz%4xA")]),
            ("/?a=%ff", [("a", "\u{FFFD}")]), ("/?a=%00", [("a", "\0")]), ("/?a=1#b=2", [("a", "1")]),
            ("/?a=?&b=/", [("a", "?"), ("b", "/")]),
        ] as [(String, [(String, String)])])
    func query(target: String, pairs: [(String, String)]) {
        let query = QueryParameters(target: target)
        #expect(query.all.map(\.0) == pairs.map(\.0))
        #expect(query.all.map(\.1) == pairs.map(\.1))
        for name in ["EIO", "a", "", "a b", "b"] as [StaticString] {
            #expect(query[name] == pairs.last { $0.0 == name.description }?.1, "\(name)")
        }
        #expect(query["__proto__"] == nil)
    }

    @Test func queryIsBounded() {
        let target = "/?" + (0..<1025).map { "k\($0)=v" }.joined(separator: "&")
        let query = QueryParameters(target: target)
        #expect(query.all.count == 1024)
        #expect(query["k1023"] == "v")
        #expect(query["k1024"] == nil)
    }

    // MARK: - Verification order

    private static let both: [TransportName] = [.polling, .websocket]

    private func verify(
        _ query: String, method: String = "GET", upgrade: Bool = false, origin: String? = nil,
        transports: [TransportName] = both, current: TransportName? = nil
    ) -> HandshakeVerdict {
        let request = HandshakeRequest(
            method: method, query: QueryParameters(target: "/socket.io/?" + query), isUpgrade: upgrade, origin: origin)
        return HandshakeCheck.verify(request, transports: transports) { _ in current.map { .live($0) } ?? .unknown }
    }

    private func refusal(
        _ code: EngineErrorCode, _ reason: HandshakeRefusalReason? = nil
    ) -> HandshakeVerdict { .refuse(HandshakeRefusal(code, reason: reason)) }

    @Test(arguments: ["", "constructor", "__proto__", "webtransport", "Polling", "polling%00", "toString"])
    func unknownTransports(name: String) {
        #expect(verify("EIO=4&transport=\(name)") == refusal(.unknownTransport))
        #expect(verify("EIO=4&transport=\(name)", method: "POST", origin: "\u{1}") == refusal(.unknownTransport))
    }

    @Test func disabledTransports() {
        #expect(verify("EIO=4") == refusal(.unknownTransport))
        #expect(
            verify("EIO=4&transport=websocket", upgrade: true, transports: [.polling]) == refusal(.unknownTransport))
        #expect(verify("EIO=4&transport=polling", transports: [.websocket]) == refusal(.unknownTransport))
    }

    @Test func originsWithControlCharacters() {
        for origin in ["a\u{0}", "\u{1F}", "\u{7F}", "a\nb"] {
            #expect(
                verify("EIO=4&transport=polling&sid=x", origin: origin) == refusal(.badRequest, .invalidOrigin))
        }
        #expect(
            verify("EIO=4&transport=polling", origin: "a\tb é")
                == .handshake(.polling, isSupportedRevision: true))
    }

    @Test func handshakes() {
        #expect(verify("EIO=4&transport=polling") == .handshake(.polling, isSupportedRevision: true))
        #expect(verify("EIO=4&transport=polling&sid=") == .handshake(.polling, isSupportedRevision: true))
        #expect(
            verify("EIO=4&transport=websocket", upgrade: true) == .handshake(.websocket, isSupportedRevision: true))
        for revision in ["EIO=3", "EIO=9", "EIO=", "x=1", "EIO=4&EIO=3", "EIO=04"] {
            #expect(verify("\(revision)&transport=polling") == .handshake(.polling, isSupportedRevision: false))
        }
        for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "get"] {
            #expect(verify("EIO=4&transport=polling", method: method) == refusal(.badHandshakeMethod))
            #expect(verify("EIO=3&transport=websocket", method: method) == refusal(.badHandshakeMethod))
        }
        #expect(verify("EIO=4&transport=websocket") == refusal(.badRequest, .transportHandshakeError))
        #expect(verify("EIO=4&transport=polling", upgrade: true) == .acceptThenClose)
    }

    @Test func existingSessions() {
        #expect(verify("EIO=4&transport=polling&sid=S") == refusal(.unknownSID))
        #expect(verify("EIO=4&transport=websocket&sid=S", upgrade: true) == refusal(.unknownSID))
        for method in ["GET", "POST", "PUT"] {
            #expect(
                verify("EIO=4&transport=polling&sid=S", method: method, current: .polling)
                    == .existing(.polling))
            #expect(
                verify("EIO=4&transport=polling&sid=S", method: method, current: .websocket)
                    == refusal(.badRequest, .transportMismatch))
        }
        #expect(
            verify("EIO=4&transport=websocket&sid=S", current: .polling) == refusal(.badRequest, .transportMismatch))
        for current in TransportName.allCases {
            #expect(
                verify("EIO=4&transport=websocket&sid=S", upgrade: true, current: current)
                    == .existing(.websocket))
            #expect(
                verify("EIO=4&transport=polling&sid=S", upgrade: true, current: current) == .acceptThenClose)
        }
    }
}
