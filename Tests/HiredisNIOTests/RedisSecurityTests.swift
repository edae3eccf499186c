// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import ProcessTesting
import Testing

@testable import HiredisNIO

/// Log-in, rights, TLS, Unix sockets; against a real redis-server.
@Suite("Redis log-in, rights, TLS", .serialized, .timeLimit(.minutes(2)))
struct RedisSecurityTests {
    /// Starts a client and returns why it does not come up.
    private func refusal(_ configuration: RedisConfiguration) async throws -> String {
        let client = RedisClient(
            configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: silentLogger)
        client.start()
        let down = Recorder<String>()
        try await eventually("a reason for \(configuration.tls as Any)") {
            guard case .down(let reason) = client.state else { return false }
            down.append(reason)
            return true
        }
        await client.close()
        return down.values[0]
    }

    @Test("Passwords: right, wrong, missing")
    func password() async throws {
        let server = try await RedisServer.started(["requirepass hunter2"])
        let url = "redis://:hunter2@127.0.0.1:\(server.port)"
        let client = try await RedisClient.connected(RedisConfiguration(url: url))
        #expect(try await client.run("PING") == .simple("PONG"))
        var wrong = server.configuration
        wrong.password = "hunter3"
        let reason = try await refusal(wrong)
        #expect(reason.contains("authentication") && reason.contains("WRONGPASS") && !reason.contains("hunter"))
        #expect(try await refusal(server.configuration).contains("NOAUTH"))
    }

    @Test("An ACL user with the rights of the adapter works; missing rights are named")
    func rights() async throws {
        let server = try await RedisServer.started([
            "user default on >admin ~* &* +@all",
            "user io on >s3cret resetchannels &socket.io* resetkeys -@all +@connection +publish +subscribe "
                + "+psubscribe +unsubscribe +punsubscribe +pubsub|numsub",
            "user mute on >s3cret resetchannels &socket.io* resetkeys -@all +@connection +subscribe",
        ])
        var configuration = server.configuration
        configuration.username = "io"
        configuration.password = "s3cret"
        let subscription = try await Subscription(configuration, channels: ["socket.io#/#"])
        #expect(subscription.subscriber.state == .up)
        let client = try await RedisClient.connected(configuration)
        #expect(try await client.publish(ByteBuffer(string: "x"), to: "socket.io#/#") == 1)

        let channel = await #expect(throws: RedisError.self) { try await subscription.subscriber.subscribe(["other"]) }
        #expect(channel?.code == .permission)
        #expect(channel?.message.contains("SUBSCRIBE other: NOPERM") == true)
        #expect(channel?.message.contains("+subscribe and the channel &other") == true)
        let command = await #expect(throws: RedisError.self) { try await client.run("GET", "k") }
        #expect(command?.code == .permission && command?.message.hasPrefix("GET: NOPERM") == true)
        try await eventually("the message") { subscription.messages.count == 1 }

        configuration.username = "mute"
        let publisher = try await Publisher(configuration)
        #expect(try await publisher.publish(1...1, to: "socket.io#/#") == 1)
        try await eventually("the refusal") { publisher.lost.count == 1 }
        #expect(publisher.lost.values[0].contains("permission: PUBLISH: NOPERM"))

        // Rights taken away later: the link comes back degraded and says what is missing.
        let admin = try await server.admin { $0.password = "admin" }
        _ = try await admin.run("ACL SETUSER", "io", "-subscribe")
        _ = try await admin.run("CLIENT KILL", "TYPE", "pubsub")
        try await eventually("degraded") {
            guard case .degraded(let reason) = subscription.subscriber.state else { return false }
            return reason.contains("+subscribe")
        }
        _ = try await admin.run("ACL SETUSER", "io", "+subscribe")
        _ = try await admin.run("CLIENT KILL", "USER", "io")
        try await eventually("up again") { subscription.subscriber.state == .up }
    }

    @Test("A Unix socket")
    func unixSocket() async throws {
        let server = try await RedisServer.started(["unixsocket {dir}/s", "requirepass p"])
        let configuration = try RedisConfiguration(url: "redis+unix://:p@\(server.directory)/s?db=3")
        let subscription = try await Subscription(configuration, channels: ["a"])
        let client = try await RedisClient.connected(configuration)
        #expect(try await client.publish(ByteBuffer(string: "x"), to: "a") == 1)
        #expect(try await client.run("CLIENT INFO").stringValue?.contains("db=3") == true)
        try await eventually("the message") { subscription.messages.values == ["a x"] }
        #expect(try await refusal(RedisConfiguration(url: "unix:///nowhere/s")).contains("/nowhere/s"))
    }

    @Test("TLS: a known CA and the right name, or nothing")
    func tls() async throws {
        let certificates = try Certificates()
        let server = try await RedisServer.started(
            [
                "tls-cert-file \(certificates.path)/s.crt", "tls-key-file \(certificates.path)/s.key",
                "tls-ca-cert-file \(certificates.path)/ca.crt", "tls-auth-clients optional",
            ], tls: true)
        let base = "rediss://127.0.0.1:\(server.port)?caFile=\(certificates.path)"
        let good = try RedisConfiguration(url: base + "/ca.crt")
        let subscription = try await Subscription(good, channels: ["a"])
        let publisher = try await Publisher(good)
        try await publisher.publish(1...2000, to: "a")
        try await eventually("all are received") { subscription.messages.count == 2000 }
        #expect(subscription.messages.values == (1...2000).map { "a \($0)" })
        let name = try RedisConfiguration(url: "rediss://localhost:\(server.port)?caFile=\(certificates.path)/ca.crt")
        _ = try await RedisClient.connected(name)

        #expect(try await refusal(RedisConfiguration(url: base + "/other.crt")).contains("tls"))
        #expect(try await refusal(RedisConfiguration(url: "rediss://127.0.0.1:\(server.port)")).contains("tls"))
        #expect(try await refusal(RedisConfiguration(url: base + "/none.crt")).contains("none.crt"))
        _ = try await RedisClient.connected(RedisConfiguration(url: "rediss://127.0.0.1:\(server.port)?verify=none"))
    }

    @Test("TLS: a certificate for another name is refused")
    func tlsName() async throws {
        let certificates = try Certificates()
        let server = try await RedisServer.started(
            [
                "tls-cert-file \(certificates.path)/d.crt", "tls-key-file \(certificates.path)/s.key",
                "tls-ca-cert-file \(certificates.path)/ca.crt", "tls-auth-clients no",
            ], tls: true)
        let base = "rediss://127.0.0.1:\(server.port)?caFile=\(certificates.path)/ca.crt"
        for parameter in ["", "&serverName=redis.example"] {
            let reason = try await refusal(RedisConfiguration(url: base + parameter))
            #expect(reason.contains("tls"), "\(reason)")
        }
        for parameter in ["&serverName=localhost", "&verify=ca"] {
            _ = try await RedisClient.connected(RedisConfiguration(url: base + parameter))
        }
    }

    /// The server is ours, so that it speaks what OpenSSL's own policy would not let Redis speak.
    @Test("TLS: versions before 1.2 are not spoken", arguments: [TLSVersion.tlsv1, .tlsv11, .tlsv12, .tlsv13])
    func tlsVersions(newest: TLSVersion) async throws {
        let certificates = try Certificates()
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificates.path + "/s.crt").map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: certificates.path + "/s.key", format: .pem)))
        configuration.minimumTLSVersion = .tlsv1
        configuration.maximumTLSVersion = newest
        let context = try NIOSSLContext(configuration: configuration)
        let heard = Recorder<Int>()
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    try channel.pipeline.syncOperations.addHandler(Listener(heard))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let url = "rediss://127.0.0.1:\(server.localAddress?.port ?? 0)?caFile=\(certificates.path)/ca.crt"
        let client = RedisClient(
            configuration: try RedisConfiguration(url: url), eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            logger: silentLogger)
        client.start()
        if newest == .tlsv12 || newest == .tlsv13 {
            try await eventually("a command over TLS") { heard.count > 0 }
        } else {
            try await eventually("a refusal") {
                if case .down(let reason) = client.state { reason.contains("tls") } else { false }
            }
            #expect(heard.count == 0)
        }
        await client.close()
        try await server.close()
    }

    /// Notes what arrives after the handshake.
    private final class Listener: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let heard: Recorder<Int>

        init(_ heard: Recorder<Int>) { self.heard = heard }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            heard.append(unwrapInboundIn(data).readableBytes)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    @Test("TLS with a client certificate")
    func clientCertificate() async throws {
        let certificates = try Certificates()
        let server = try await RedisServer.started(
            [
                "tls-cert-file \(certificates.path)/s.crt", "tls-key-file \(certificates.path)/s.key",
                "tls-ca-cert-file \(certificates.path)/ca.crt", "tls-auth-clients yes",
            ], tls: true)
        let base = "rediss://127.0.0.1:\(server.port)?caFile=\(certificates.path)/ca.crt"
        let path = certificates.path
        let client = try await RedisClient.connected(
            RedisConfiguration(url: base + "&certFile=\(path)/s.crt&keyFile=\(path)/s.key"))
        #expect(try await client.run("PING") == .simple("PONG"))
        _ = try await refusal(RedisConfiguration(url: base))
    }
}
