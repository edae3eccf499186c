// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Foundation
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Testing

@testable internal import EngineIOServer

/// Encrypted connections cannot change their event loop, so an upgrade on another one than the session's hops.
@Suite struct SessionTLSTests {
    typealias Server = SessionTestServer

    static func serverTLS() throws -> TLSConfiguration {
        let certificates = try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8))
        let key = try NIOSSLPrivateKey(bytes: Array(privateKey.utf8), format: .pem)
        return .makeServerConfiguration(
            certificateChain: certificates.map { .certificate($0) }, privateKey: .privateKey(key))
    }

    private static func connect(_ server: Server) async throws -> SessionWire { try await connect(port: server.port) }

    static func connect(port: Int) async throws -> SessionWire {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        let context = try NIOSSLContext(configuration: configuration)
        return try await SessionWire.connect(port: port) {
            try $0.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
        }
    }

    @Test(arguments: [1, 2])
    func upgradesHopOrStay(loops: Int) async throws {
        let tls = try Self.serverTLS()
        try await Server.run(loops: loops, { $0.tls = tls }) { server in
            var hops = 0
            for round in 0..<6 {
                let http = try await Self.connect(server)
                let sid = try await server.openPolling(http)
                // An odd number of connections a round, so that both cases come up.
                let socket = try await Self.connect(server)
                if round % 2 == 0 { _ = try await Self.connect(server).get("/nothing") }
                #expect(try await socket.upgrade(Server.target("websocket", sid)).status == 101)
                try await socket.send(SessionWire.text("2probe") + SessionWire.text("5") + SessionWire.text("4first"))
                #expect(try await socket.text() == "3probe")
                #expect(try await socket.text() == "4first")
                let session = try #require(server.session(sid))
                let isLocal = try await session.inside { session in
                    (session.activeTransport as? WebSocketTransport)?.isLocal
                }
                if isLocal == false { hops += 1 }
                // More than the window that pauses reading, both ways.
                let large = [UInt8](repeating: 1, count: 200_000)
                for _ in 0..<10 { try await socket.send(SessionWire.frame(opcode: 2, large)) }
                for _ in 0..<10 {
                    #expect(try await socket.frame() == SessionWire.Frame(opcode: 2, payload: large))
                }
                var burst: [UInt8] = []
                for number in 0..<200 { burst += SessionWire.text("4\(number)") }
                try await socket.send(burst)
                for number in 0..<200 { #expect(try await socket.text() == "4\(number)") }
                if round < 3 {
                    try await socket.send(SessionWire.frame(opcode: 8, [0x03, 0xE8]))
                    #expect(try await socket.frame() == SessionWire.Frame(opcode: 8, payload: [0x03, 0xE8]))
                    #expect(try await server.closeReason(sid).hasPrefix("transport close"))
                } else {
                    session.close()
                    #expect(try await socket.frame() == SessionWire.Frame(opcode: 8, payload: []))
                    #expect(try await server.closeReason(sid) == "forced close|")
                }
            }
            #expect(loops == 1 ? hops == 0 : hops > 0)
        }
    }

    /// Compression on two loops: unpacked on the connection's, packed on the session's.
    @Test func compressedMessagesHopAsWell() async throws {
        let tls = try Self.serverTLS()
        try await Server.run(
            loops: 2,
            {
                $0.tls = tls
                $0.perMessageDeflate = PerMessageDeflateConfiguration()
            }
        ) { server in
            // Some hop and some do not, whatever loop a connection came to.
            let opening = try await Self.connect(server)
            for _ in 0..<4 {
                let sid = try await server.openPolling(opening)
                let socket = try await Self.connect(server)
                let response = try await socket.upgrade(
                    Server.target("websocket", sid), headers: SessionWire.deflateOffer)
                #expect(response.header("sec-websocket-extensions")?.hasPrefix("permessage-deflate") == true)
                try await socket.send(SessionWire.text("2probe") + SessionWire.text("5"))
                #expect(try await socket.text() == "3probe")
                // Few bytes to read, many to hold: reading pauses and goes on.
                let large = "4" + String(repeating: "hop ", count: 100_000)
                let frame = try SessionWire.compressed(large)
                try await socket.send(Array((0..<20).map { _ in frame }.joined()))
                for _ in 0..<20 { #expect(try await socket.unpacked() == (Array(large.utf8), true)) }
                try await socket.sendText("4last")
                #expect(try await socket.text() == "4last")
            }
        }
    }

    @Test func aSlowReaderOnAnotherLoopIsDisconnected() async throws {
        let tls = try Self.serverTLS()
        try await Server.run(
            loops: 2,
            {
                $0.tls = tls
                $0.maxBufferedBytes = 256 * 1024
            }
        ) { server in
            let http = try await Self.connect(server)
            let sid = try await server.openPolling(http)
            let socket = try await Self.connect(server)
            #expect(try await socket.upgrade(Server.target("websocket", sid)).status == 101)
            try await socket.send(SessionWire.text("2probe") + SessionWire.text("5"))
            #expect(try await socket.text() == "3probe")
            try await eventually("the upgrade") { server.log.events == ["upgrade websocket"] }
            try await socket.setReading(false)
            let session = try #require(server.session(sid))
            let message = OutboundMessage(
                head: .message(.text(ByteBuffer(string: String(repeating: "x", count: 10_000)))))
            try await eventually("the disconnect") {
                session.send(message)
                return server.log.closeReason(sid)
                    == "transport error|slow client: more than maxBufferedBytes waited"
            }
        }
    }

    // Made for this test alone; it secures nothing.
    private static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBfjCCASWgAwIBAgIUNfcFmTw03KQHfaJGKmsDBFQACzYwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA5NTk1NVoYDzIxMjYxMDI4
        MDk1OTU1WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAASDx/XJRS5LyRZywxQJe1FJjSKm3+tpKZvOuwFmr/AAQN4RbNn1i256
        FLXLMfvJyVXmiCGVBjM07jT9i+smdpi7o1MwUTAdBgNVHQ4EFgQUupouFvTDENGR
        IyLSUd1gz5oLG+QwHwYDVR0jBBgwFoAUupouFvTDENGRIyLSUd1gz5oLG+QwDwYD
        VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiBbUoh07UQ6mCXI0LTFvnuT
        AqTqI+3c0uU6kYwqXpC5NwIgQ5M45XglDCzCtsrblyotYVyE/aiz3G/AcTJLMU5I
        Di4=
        -----END CERTIFICATE-----
        """

    private static let privateKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg0oIJodfbCDQNzbRM
        vvDtMssX3eyLGX15cnOEyLG8QBKhRANCAASDx/XJRS5LyRZywxQJe1FJjSKm3+tp
        KZvOuwFmr/AAQN4RbNn1i256FLXLMfvJyVXmiCGVBjM07jT9i+smdpi7
        -----END PRIVATE KEY-----
        """
}
