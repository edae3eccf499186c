// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import MetricTesting
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer
@testable internal import HTTPServerCore

@Suite struct ProxyProtocolTests {
    typealias Server = SessionTestServer

    private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

    /// A header of version 2.
    private static func binary(_ command: UInt8, _ family: UInt8, _ body: [UInt8]) -> [UInt8] {
        signature + [command, family, UInt8(body.count >> 8), UInt8(body.count & 0xFF)] + body
    }

    private static let v4: [UInt8] = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x34, 0, 80]
    private static let v6: [UInt8] =
        [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1] + [UInt8](repeating: 0, count: 20)
    /// The extension about TLS, with and without it, behind one that does not matter.
    private static let tls: [UInt8] = [0x04, 0, 1, 9, 0x20, 0, 5, 1, 0, 0, 0, 0]
    private static let noTLS: [UInt8] = [0x20, 0, 5, 0, 0, 0, 0, 0]

    private static let good: [([UInt8], String?, Bool?)] = [
        (Array("PROXY TCP4 192.0.2.7 10.0.0.1 4660 80\r\n".utf8), "192.0.2.7", nil),
        (Array("PROXY TCP6 2001:db8::1 ::1 4660 80\r\n".utf8), "2001:db8::1", nil),
        (Array("PROXY UNKNOWN\r\n".utf8), nil, nil),
        (Array("PROXY UNKNOWN ffff:: ffff:: 65535 65535\r\n".utf8), nil, nil),
        (binary(0x21, 0x11, v4), "192.0.2.7", nil),
        (binary(0x21, 0x21, v6), "2001:db8::1", nil),
        (binary(0x21, 0x11, v4 + tls), "192.0.2.7", true),
        (binary(0x21, 0x11, v4 + noTLS), "192.0.2.7", false),
        (binary(0x20, 0x00, []), nil, nil),
        (binary(0x20, 0x11, v4), nil, nil),
        (binary(0x21, 0x31, [UInt8](repeating: 0, count: 216)), nil, nil),
        (binary(0x21, 0x00, []), nil, nil),
    ]

    @Test(arguments: good.indices)
    func headersAreTakenOffWhereverTheyAreSplit(index: Int) {
        let (bytes, client, isSecure) = Self.good[index]
        for length in 0..<bytes.count {
            var part = ByteBuffer(bytes: bytes.prefix(length))
            #expect(ProxyHeader.take(from: &part) == .incomplete, "\(length) bytes")
            #expect(part.readableBytes == length)
        }
        var whole = ByteBuffer(bytes: bytes + Array("GET".utf8))
        #expect(ProxyHeader.take(from: &whole) == .complete(ProxyHeader(client: client, isSecure: isSecure)))
        #expect(String(buffer: whole) == "GET")
    }

    private static func line(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test(arguments: [
        line("GET / HTTP/1.1\r\n"), line("PROXY\r\n"), line("PROXY TCP4 192.0.2.7 10.0.0.1 80\r\n"),
        line("PROXY TCP4 2001:db8::1 10.0.0.1 1 80\r\n"), line("PROXY TCP6 192.0.2.7 10.0.0.1 1 80\r\n"),
        line("PROXY TCP4 192.0.2.256 10.0.0.1 1 80\r\n"), line("PROXY TCP4 192.0.2.7 10.0.0.1 1 65536\r\n"),
        line("PROXY TCP4 192.0.2.7 10.0.0.1 1 80\n"), line("PROXY TCP4  192.0.2.7 10.0.0.1 1 80\r\n"),
        line("PROXY TCP4 192.0.2.7\0x 10.0.0.1 1 80\r\n"),
        line("PROXY UDP4 192.0.2.7 10.0.0.1 1 80\r\n"), line("proxy TCP4 "),
        line("PROXY UNKNOWN " + String(repeating: "x", count: 200)),
        binary(0x11, 0x11, v4), binary(0x22, 0x11, v4), binary(0x21, 0x11, Array(v4.dropLast())),
        binary(0x21, 0x21, Array(v6.dropLast())), binary(0x21, 0x11, v4 + [0x20, 0, 5, 1]),
        binary(0x21, 0x11, v4 + [0x20]), signature + [0x21, 0x11, 0xFF, 0xFF], [0x0D, 0x0A, 0x0D, 0x0A, 0x01],
    ])
    func whatIsNoHeader(bytes: [UInt8]) {
        var buffer = ByteBuffer(bytes: bytes)
        #expect(ProxyHeader.take(from: &buffer) == .malformed)
    }

    @Test func anyBytesGiveAnAnswer() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            var (bytes, _, _) = Self.good[Int.random(in: 0..<Self.good.count, using: &generator)]
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            var buffer = ByteBuffer(bytes: bytes.prefix(.random(in: 0...bytes.count, using: &generator)))
            let size = buffer.readableBytes
            if case .complete = ProxyHeader.take(from: &buffer) { continue }
            #expect(buffer.readableBytes == size)
        }
    }

    // MARK: On the wire

    private static let request = "GET \(Server.polling) HTTP/1.1\r\nHost: x\r\n\r\n"

    private static func behindAProxy(_ configuration: inout EngineConfiguration) {
        configuration.proxyProtocol = true
        configuration.trustedProxies = ["127.0.0.0/8"]
        configuration.cookie = CookieConfiguration()
    }

    @Test(arguments: good.indices)
    func theSessionKnowsItsClient(index: Int) async throws {
        try await Server.run(Self.behindAProxy) { server in
            let (bytes, client, isSecure) = Self.good[index]
            let wire = try await server.connect()
            try await wire.send(bytes + Array(Self.request.utf8))
            let response = try await wire.response()
            let sid = try Server.sid(in: response.body)
            #expect(response.header("set-cookie")?.contains("Secure") == (isSecure == true))
            try await eventually("the session") { server.session(sid) != nil }
            #expect(server.session(sid)?.handshake.remoteAddress == client ?? "127.0.0.1")
            // Later requests of the connection have no header of their own.
            #expect(try await wire.post(Server.target("polling", sid), "4a").status == 200)
        }
    }

    @Test func everyByteMayComeAlone() async throws {
        try await Server.run(Self.behindAProxy) { server in
            let wire = try await server.connect()
            for byte in Self.good[6].0 + Array(Self.request.utf8) { try await wire.send([byte]) }
            #expect(try await wire.response().status == 200)
            // The answer may be here before the session has been announced.
            try await eventually("the session") { !server.log.sessions.isEmpty }
            #expect(server.log.sessions.map(\.handshake.remoteAddress) == ["192.0.2.7"])
        }
    }

    @Test func aWebSocketMayFollow() async throws {
        try await Server.run(loops: 2, Self.behindAProxy) { server in
            for _ in 0..<4 {
                let wire = try await server.connect()
                try await wire.send(Self.good[0].0 + Array(SessionWire.upgradeRequest(Server.websocket).utf8))
                #expect(try await wire.response().status == 101)
                #expect(try await wire.text().hasPrefix("0{"))
                try await wire.sendText("4a")
                #expect(try await wire.text() == "4a")
            }
            #expect(Set(server.log.sessions.map(\.handshake.remoteAddress)) == ["192.0.2.7"])
        }
    }

    @Test func aTrustedProxyMustSendOne() async throws {
        let lines = NIOLockedValueBox<[String]>([])
        try await CountedMetrics.counting { (metrics: CountedMetrics) async throws in
            try await Server.run {
                Self.behindAProxy(&$0)
                $0.logger = Logger(label: "test") { _ in LineHandler(lines: lines) }
            } _: { server in
                let good = try await server.connect()
                try await good.send(Self.good[0].0 + Array(Self.request.utf8))
                #expect(try await good.response().status == 200)
                #expect(metrics["socketio_proxy_headers_missing_total"] == 0)
                for number in 1...3 {
                    let wire = try await server.connect()
                    try await wire.send(Self.request)
                    #expect(try await wire.receiveEnd().isEmpty)
                    #expect(metrics["socketio_proxy_headers_missing_total"] == Double(number))
                }
                #expect(server.engine.clientsCount == 1)
                let written = lines.withLockedValue { $0.filter { $0.contains("PROXY header") } }
                #expect(written.count == 1)
                #expect(written.allSatisfy { $0.hasPrefix("warning ") && $0.contains("remote=127.0.0.1") })
            }
        }
    }

    private struct LineHandler: LogHandler {
        let lines: NIOLockedValueBox<[String]>
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let metadata = (event.metadata ?? [:]).map { " \($0.key)=\($0.value)" }.sorted().joined()
            lines.withLockedValue { $0.append("\(event.level) \(event.message)\(metadata)") }
        }
    }

    @Test func nobodyElseMay() async throws {
        try await Server.run {
            $0.proxyProtocol = true
            $0.trustedProxies = ["10.0.0.0/8"]
        } _: { server in
            let plain = try await server.connect()
            #expect(try await plain.get(Server.polling).status == 200)
            let liar = try await server.connect()
            try await liar.send(Self.good[0].0 + Array(Self.request.utf8))
            #expect(try await liar.response().status == 400)
            #expect(server.log.sessions.map(\.handshake.remoteAddress) == ["127.0.0.1"])
        }
    }

    /// A proxy that names no client has not looked at the headers either: they are the client's own.
    @Test(arguments: good.indices)
    func headersOfAnUnknownClientAreNotBelieved(index: Int) async throws {
        try await Server.run {
            Self.behindAProxy(&$0)
            $0.cors = CORSConfiguration(origin: .sameHost)
        } _: { server in
            let (bytes, client, isSecure) = Self.good[index]
            let forged =
                "X-Forwarded-For: 198.51.100.66\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\n"
            let wire = try await server.connect()
            try await wire.send(bytes + Array("GET \(Server.polling) HTTP/1.1\r\nHost: x\r\n\(forged)\r\n".utf8))
            let response = try await wire.response()
            let sid = try Server.sid(in: response.body)
            #expect(response.header("set-cookie")?.contains("Secure") == (isSecure == true))
            try await eventually("the session") { server.session(sid) != nil }
            #expect(server.session(sid)?.handshake.remoteAddress == client ?? "127.0.0.1")
            let page = forged + "Origin: https://evil.example\r\n"
            #expect(try await wire.get(Server.polling, headers: page).status == 403)
        }
    }

    @Test func itNeedsTrustedProxies() {
        var configuration = EngineConfiguration()
        configuration.proxyProtocol = true
        #expect(throws: EngineConfigurationError.self) { try configuration.validate() }
    }
}
