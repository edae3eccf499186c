// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOServer
import NIOConcurrencyHelpers
import NIOCore
import ProcessTesting
import SocketIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

/// Whether a message on the channels of the nodes is from a node.
@Suite("Signed announcements")
struct PeerSignatureTests {
    private static let secret = ForwardingKey("only the nodes know it")
    private static let now: Int64 = 1_767_225_600_000
    private static let channel = "socket.io-node#"

    private static func sign(
        _ text: String, key: ForwardingKey = secret, channel: String = channel, at time: Int64 = now
    ) -> ByteBuffer {
        PeerSignature(key: key).sign(ByteBuffer(string: text), for: channel, at: time)
    }

    private static func decode(_ bytes: ByteBuffer) throws -> PeerMessage {
        try WireMessage.decode(PeerMessage.self, bytes, limits: MessagePackLimits())
    }

    private static let alive = #"{"type":"alive","node":"abcdefghijklmnop","tag":"evil","forward":"192.0.2.1:80"}"#

    /// Nil when the message is believed.
    private func refusal(
        _ bytes: ByteBuffer, by verifier: inout PeerVerifier, on channel: String = channel, now: Int64 = now
    ) throws -> PeerRefusal? {
        do {
            let message = try verifier.admit(bytes, on: channel, now: now, read: Self.decode)
            #expect(message.tag == "evil")
            return nil
        } catch let refused as PeerRefused {
            return refused.reason
        }
    }

    // MARK: What is believed

    @Test("what a node has signed, once")
    func once() throws {
        var verifier = PeerVerifier(Self.secret)
        let (first, second) = (Self.sign(Self.alive), Self.sign(Self.alive))
        #expect(first != second)
        #expect(try refusal(first, by: &verifier) == nil)
        #expect(try refusal(second, by: &verifier) == nil)
        #expect(try refusal(first, by: &verifier) == .replayed)
        #expect(try refusal(first, by: &verifier, now: Self.now + 30_000) == .replayed)
    }

    @Test("what is not signed, or by somebody else, or for another place")
    func others() throws {
        var verifier = PeerVerifier(Self.secret)
        #expect(try refusal(ByteBuffer(string: Self.alive), by: &verifier) == .unsigned)
        for key in ["only the nodes know  it", "Only the nodes know it", "another secret of nodes"] {
            #expect(try refusal(Self.sign(Self.alive, key: ForwardingKey(key)), by: &verifier) == .wrongKey, "\(key)")
        }
        for channel in ["other-node#", "socket.io-node#abcdefghijklmnop#", ""] {
            #expect(try refusal(Self.sign(Self.alive, channel: channel), by: &verifier) == .wrongKey, "\(channel)")
        }
        // A signature of the same secret for another purpose: of a request from node to node, or of the bare message.
        let bare = Self.secret.signature(of: Array(Self.alive.dropLast().utf8))
        #expect(
            try refusal(ByteBuffer(string: Self.alive.dropLast() + #","sig":"\#(bare)"}"#), by: &verifier) == .wrongKey)
    }

    @Test(
        "clocks may be 30 s apart",
        arguments: [(-30_001, false), (-30_000, true), (0, true), (30_000, true), (30_001, false)])
    func time(age: Int64, isOfNow: Bool) throws {
        var verifier = PeerVerifier(Self.secret)
        let refusal = try refusal(Self.sign(Self.alive), by: &verifier, now: Self.now + age)
        #expect(refusal == (isOfNow ? nil : .stale))
    }

    @Test("extreme times", arguments: [Int64.min, .max, 0, -1])
    func extremes(time: Int64) throws {
        var verifier = PeerVerifier(Self.secret)
        #expect(try refusal(Self.sign(Self.alive, at: time), by: &verifier) == .stale)
        #expect(try refusal(Self.sign(Self.alive), by: &verifier, now: time) == .stale)
    }

    @Test("every changed, missing or added byte is noticed")
    func changes() throws {
        var verifier = PeerVerifier(Self.secret)
        let signed = Array(Self.sign(Self.alive).readableBytesView)
        for index in signed.indices {
            var changed = signed
            changed[index] ^= 1
            #expect(try refusal(ByteBuffer(bytes: changed), by: &verifier) != nil, "\(index)")
            changed.remove(at: index)
            #expect(try refusal(ByteBuffer(bytes: changed), by: &verifier) != nil, "\(index)")
            #expect(try refusal(ByteBuffer(bytes: signed.prefix(index)), by: &verifier) == .unsigned, "\(index)")
            changed = signed
            changed.insert(UInt8(ascii: " "), at: index)
            #expect(try refusal(ByteBuffer(bytes: changed), by: &verifier) != nil, "\(index)")
        }
        // Nothing of these was remembered, or let in.
        #expect(try refusal(ByteBuffer(bytes: signed), by: &verifier) == nil)
    }

    @Test("garbage")
    func garbage() throws {
        var verifier = PeerVerifier(Self.secret)
        let tail = #","sig":""# + String(repeating: "z", count: 64) + #""}"#
        for text in ["", "{", "}", "{}", "\"sig\"", tail, String(tail.dropFirst()), "[1,2]", "null"] {
            #expect(try refusal(ByteBuffer(string: text), by: &verifier) != nil, "\(text)")
        }
        for count in 0..<200 {
            let bytes = ByteBuffer(bytes: (0..<count).map { _ in UInt8.random(in: 0...255) })
            #expect(try refusal(bytes, by: &verifier) == .unsigned)
        }
    }

    @Test("nodes that know nothing of signatures read it as before")
    func compatible() throws {
        let message = try Self.decode(Self.sign(Self.alive))
        #expect(message.type == .alive && message.node == "abcdefghijklmnop" && message.forward == "192.0.2.1:80")
        #expect(message.at == Self.now && message.nonce?.utf8.count == 20)
    }

    @Test("a secret that is too short is refused")
    func short() {
        var configuration = RedisClusterConfiguration()
        configuration.secret = ForwardingKey("fifteen letters")
        let error = #expect(throws: ClusterError.self) { try configuration.validate() }
        #expect(error?.message.contains("secret must have at least 16 bytes") == true)
        configuration.secret = ForwardingKey("sixteen letters!")
        #expect(throws: Never.self) { try configuration.validate() }
    }

    // MARK: Over Redis

    /// What somebody who can publish to this Redis, and nothing else, may try.
    private static let forgeries = [
        alive,
        #"{"type":"alive","node":"zzzzzzzzzzzzzzzz","tag":"nod1","uids":{"/":"zzzz"},"startedAt":9999999999999,"#
            + #""forward":"192.0.2.1:80","forwardKey":"00000000000000000000000000000000"}"#,
        #"{"type":"answer","node":"zzzzzzzzzzzzzzzz","id":"x","nsp":"/","count":5}"#, "not even JSON",
    ]

    @Test("a stranger cannot pose as a node, and a node cannot be sent away", .enabled(if: RedisServer.isInstalled))
    func strangers() async throws {
        let redis = try await RedisServer.started()
        let (logger, lines) = recordingLogger()
        try await withNodes(2, on: redis, logger: logger, { $0.secret = Self.secret }) { nodes in
            let admin = try await redis.admin()
            let known = nodes[0].cluster.nodes.map(\.id)
            #expect(known.count == 1)
            var texts = Self.forgeries + [#"{"type":"goodbye","node":"\#(known[0])"}"#]
            texts += texts.dropLast(2).map { String(buffer: Self.sign($0, key: ForwardingKey("a secret of another"))) }
            let start = ContinuousClock.now
            for _ in 0..<50 {
                for text in texts { try await admin.publish(Self.channel, Array(text.utf8)) }
            }
            let count = 50 * texts.count
            try await eventually("the refusals") { nodes.allSatisfy { $0.cluster.statistics.strangers == count } }
            for node in nodes {
                #expect(node.cluster.nodes.count == 1 && node.cluster.owner(ofTag: "evil") == nil)
                #expect(node.cluster.statistics.invalid == 0 && node.cluster.status == .up)
            }
            #expect(nodes[0].cluster.nodes.map(\.id) == known)
            // They still work together, by messages that are signed.
            let client = try await nodes[1].client(["a"])
            #expect(try await nodes[0].io.sockets.in("a").count() == 1)
            nodes[0].io.to("a").emit("hello")
            #expect(try await client.next("hello").name == "hello")
            let seconds = Int((ContinuousClock.now - start) / .seconds(1))
            let refusals = lines.all.count { $0.contains("channel of the nodes was refused") }
            #expect(refusals >= 2 && refusals <= 2 * (2 + seconds), "\(refusals) lines in \(seconds) s")
            await admin.close()
        }
    }

    @Test("without a secret whoever publishes is believed", .enabled(if: RedisServer.isInstalled))
    func withoutSecret() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(1, on: redis) { nodes in
            let admin = try await redis.admin()
            try await admin.publish(Self.channel, Array(Self.alive.utf8))
            try await eventually("the stranger") { nodes[0].cluster.owner(ofTag: "evil")?.address == "192.0.2.1:80" }
            #expect(nodes[0].cluster.statistics.strangers == 0)
            await admin.close()
        }
    }

    @Test("nodes with different secrets are strangers to each other", .enabled(if: RedisServer.isInstalled))
    func differentSecrets() async throws {
        let redis = try await RedisServer.started()
        var nodes: [NodeUnderTest] = []
        for index in 0..<2 {
            var configuration = RedisClusterConfiguration()
            configuration.heartbeatInterval = .milliseconds(50)
            configuration.secret = ForwardingKey("the secret of node \(index)")
            let cluster = try RedisCluster(redis: redis.configuration, configuration: configuration)
            nodes.append(try await NodeUnderTest.start("nod\(index)", cluster) { joinAsTold($0.io.sockets) })
            try await cluster.waitUntilUp(within: .seconds(20))
        }
        try await eventually("refused heartbeats") { nodes.allSatisfy { $0.cluster.statistics.strangers > 3 } }
        for node in nodes { #expect(node.cluster.nodes.isEmpty) }
        for node in nodes { await node.io.close() }
    }

    @Test("a captured heartbeat works once, and not for a node that has gone", .enabled(if: RedisServer.isInstalled))
    func replay() async throws {
        let redis = try await RedisServer.started()
        let captured = NIOLockedValueBox<[[UInt8]]>([])
        let listener = try await Eavesdropper(redis, Self.channel) { bytes in
            captured.withLockedValue { $0.append(bytes) }
        }
        try await withNodes(1, on: redis, { $0.secret = Self.secret }) { nodes in
            var configuration = RedisClusterConfiguration()
            configuration.secret = Self.secret
            let other = try await NodeUnderTest.start(
                "nod9", try RedisCluster(redis: redis.configuration, configuration: configuration)
            ) {
                joinAsTold($0.io.sockets)
            }
            try await eventually("the other") { nodes[0].cluster.nodes.count == 1 }
            await other.io.close()
            try await eventually("its goodbye") { nodes[0].cluster.nodes.isEmpty }
            let admin = try await redis.admin()
            let heartbeats = captured.withLockedValue { $0 }
            #expect(heartbeats.count > 2)
            for bytes in heartbeats { try await admin.publish(Self.channel, bytes) }
            try await eventually("the refusals") { nodes[0].cluster.statistics.strangers == heartbeats.count }
            #expect(nodes[0].cluster.nodes.isEmpty)
            await admin.close()
        }
        await listener.close()
    }
}
