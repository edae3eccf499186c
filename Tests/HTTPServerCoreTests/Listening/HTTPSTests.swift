// Part of socketio-server, MIT licence; see LICENSE.

import HTTPTesting
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Testing

@testable import HTTPServerCore

@Suite("HTTP over TLS")
struct HTTPSTests {
    /// Made for these tests, for `localhost`, and used nowhere else.
    private static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBljCCATugAwIBAgIUb4oBg8zR/YnFvqexVTr3ZPYggY4wCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA5NTcxOVoYDzIxMjYxMDI4
        MDk1NzE5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAAT7/3pcAYc+y5F1pp8wUWTvCerEHCjmnnv10QhRlTXdJHRof8eU+C6P
        5ukCZ8ShodYfewj174sqgLuMVmEJoBGwo2kwZzAdBgNVHQ4EFgQU6uya5sPbsNhM
        9cSIUjPlOCQOgFYwHwYDVR0jBBgwFoAU6uya5sPbsNhM9cSIUjPlOCQOgFYwDwYD
        VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
        SQAwRgIhAJhXWyOnYeY3pytdWlK0Od2kFcscVBxtjeeLrZ+WNHM0AiEA4UrciSv8
        7hFUwOXQpRunYNA7VABruJkaGGM0DG8miZg=
        -----END CERTIFICATE-----
        """
    private static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg6Dyufqvjs+W1HIQ7
        /XKYEgtW+LIfyC5dsBuK+X1dkNGhRANCAAT7/3pcAYc+y5F1pp8wUWTvCerEHCjm
        nnv10QhRlTXdJHRof8eU+C6P5ukCZ8ShodYfewj174sqgLuMVmEJoBGw
        -----END PRIVATE KEY-----
        """

    private static func server() throws -> TLSConfiguration {
        TLSConfiguration.makeServerConfiguration(
            certificateChain: [
                .certificate(try NIOSSLCertificate(bytes: Array(certificate.utf8), format: .pem))
            ],
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem)))
    }

    private static func connect(_ server: TestServer, newest: TLSVersion? = nil) async throws -> SocketClient {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv1
        configuration.maximumTLSVersion = newest
        configuration.trustRoots = .certificates([
            try NIOSSLCertificate(bytes: Array(certificate.utf8), format: .pem)
        ])
        let context = try NIOSSLContext(configuration: configuration)
        return try await SocketClient.connect(port: server.listener.port ?? 0, group: server.group) { channel in
            try channel.pipeline.syncOperations.addHandler(
                NIOSSLClientHandler(context: context, serverHostname: "localhost"))
        }
    }

    @Test func requestsAreSecure() async throws {
        let tls = try Self.server()
        let service = ScriptedService { exchange in
            exchange.collectBody(limit: 10) { result in
                switch result {
                case .success: exchange.respond(.text("secure \(exchange.request.isSecure)"))
                case .failure: exchange.respond(HTTPServerResponse(status: .payloadTooLarge))
                }
            }
        }
        try await TestServer.with(service: service, configure: { $0.tls = tls }) { server in
            let client = try await Self.connect(server)
            let head = "POST /socket.io/ HTTP/1.1\r\nHost: x\r\nContent-Length: "
            try await client.send(head + "0\r\n\r\n")
            #expect(try await client.answers(1)[0].body == "secure true")
            try await client.send(head + "9000000\r\n\r\n" + String(repeating: "x", count: 100_000))
            try await client.wait { received, isClosed in isClosed && received.answers().last?.status == 413 }
            #expect(await holdsSoon { server.listener.connectionCount == 0 })
        }
    }

    /// Whatever the configuration allows, from NIOSSL's own default on, and after another certificate has been taken.
    @Test(arguments: [.tlsv1, .tlsv11, .tlsv12, .tlsv13] as [TLSVersion])
    func versionsBefore12AreNotSpoken(newest: TLSVersion) async throws {
        var tls = try Self.server()
        tls.minimumTLSVersion = .tlsv1
        let service = ScriptedService { $0.respond(.text("reached")) }
        try await TestServer.with(service: service, configure: { $0.tls = tls }) { server in
            for isReloaded in [false, true] {
                if isReloaded { try server.listener.reload(tls: tls) }
                let client = try await Self.connect(server, newest: newest)
                try? await client.send("GET /socket.io/ HTTP/1.1\r\nHost: x\r\n\r\n")
                if newest == .tlsv12 || newest == .tlsv13 {
                    #expect(try await client.answers(1)[0].body == "reached")
                    try await client.close()
                } else {
                    try await client.wait { received, isClosed in isClosed && received.isEmpty }
                }
            }
            #expect(service.exchanges.count == (newest == .tlsv12 || newest == .tlsv13 ? 2 : 0))
        }
    }

    @Test func aTakenOverConnectionStaysEncrypted() async throws {
        let tls = try Self.server()
        let rest = NIOLockedValueBox("")
        let service = ScriptedService { exchange in
            exchange.takeOver { channel, bytes in
                rest.withLockedValue { $0 = String(buffer: bytes) }
                channel.writeAndFlush(ByteBuffer(string: "hello"), promise: nil)
            }
        }
        try await TestServer.with(service: service, configure: { $0.tls = tls }) { server in
            let client = try await Self.connect(server)
            try await client.send(
                "GET /socket.io/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nframe")
            try await client.wait { received, _ in received == "hello" }
            #expect(rest.withLockedValue { $0 } == "frame")
            try await client.close()
        }
    }

    @Test func aHandshakeThatNeverEndsIsCutOff() async throws {
        let tls = try Self.server()
        try await TestServer.with(
            configure: {
                $0.tls = tls
                $0.limits.headTimeout = .milliseconds(100)
            },
            { server in
                let client = try await server.connect()
                try await client.wait { _, isClosed in isClosed }
                let garbage = try await server.connect()
                // On a busy machine it may be cut off before.
                try? await garbage.send("GET /socket.io/ HTTP/1.1\r\nHost: x\r\n\r\n")
                try await garbage.wait { _, isClosed in isClosed }
            })
    }
}
