// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Foundation
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOHTTP1
internal import ProcessTesting
internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// Whom the key set is taken from: it decides who may log in.
@Suite struct KeySetFetchTests {
    /// A server that redirects as it is told, and remembers what it was asked for.
    private struct Issuer {
        let server = Server(configuration: ServerConfiguration())
        let asked = NIOLockedValueBox<[String]>([])
        let port: Int

        /// - Parameter answer: the target of a redirect and its status; nil for the keys.
        init(_ answer: @escaping @Sendable (_ path: String, _ port: Int) -> (String, HTTPResponseStatus)?) async throws
        {
            let (asked, port) = (asked, NIOLockedValueBox(0))
            server.onRequest { request in
                asked.withLockedValue { $0.append(request.target) }
                guard let (target, status) = answer(request.target, port.withLockedValue { $0 }) else {
                    return .text("the keys")
                }
                var response = ApplicationResponse.text("elsewhere", status: status)
                response.headers.add(name: "Location", value: target)
                return response
            }
            let found = try #require(try await server.listen(host: "127.0.0.1", port: 0)?.port)
            port.withLockedValue { $0 = found }
            self.port = found
        }

        func bytes(_ path: String = "/keys") async throws -> String {
            String(decoding: try await KeySetFetch.bytes(of: "http://127.0.0.1:\(port)\(path)"), as: UTF8.self)
        }
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func redirectsToTheSameHostAreFollowed(status: Int) async throws {
        let issuer = try await Issuer { path, port in
            switch path {
            case "/keys": ("/step", HTTPResponseStatus(statusCode: status))
            case "/step": ("http://127.0.0.1:\(port)/end?x=1", .found)
            default: nil
            }
        }
        #expect(try await issuer.bytes() == "the keys")
        #expect(issuer.asked.withLockedValue { $0 } == ["/keys", "/step", "/end?x=1"])
        await issuer.server.close()
    }

    @Test func redirectsElsewhereAreNotFollowed() async throws {
        let other = try await Issuer { _, _ in nil }
        let otherPort = other.port
        // Another port and another name are other servers, whatever they resolve to.
        for target in [
            "http://127.0.0.1:\(otherPort)/keys?token=hunter2", "http://localhost:\(otherPort)/keys",
            "//127.0.0.1:\(otherPort)/keys", "http://u:p@127.0.0.1:\(otherPort)/",
        ] {
            let issuer = try await Issuer { _, _ in (target, .found) }
            let error = try await #require(throws: KeySetFetch.Failure.self) { _ = try await issuer.bytes() }
            #expect("\(error)".contains("auth.jwt.jwksUrl") && !"\(error)".contains("hunter2"), "\(error)")
            await issuer.server.close()
        }
        #expect(other.asked.withLockedValue { $0 }.isEmpty)
        await other.server.close()
    }

    @Test func redirectsEnd() async throws {
        let issuer = try await Issuer { path, _ in (path + "x", .temporaryRedirect) }
        await #expect(throws: KeySetFetch.Failure.self) { _ = try await issuer.bytes() }
        #expect(issuer.asked.withLockedValue { $0.count } == KeySetFetch.maximumRedirects + 1)
        await issuer.server.close()
    }

    @Test(.timeLimit(.minutes(1))) func aFetchEndsWhereOnlyTheHeadComes() async throws {
        let server = try await HeadServer()
        let error = await #expect(throws: (any Error).self) {
            _ = try await KeySetFetch.bytes(of: server.url, timeout: .milliseconds(200))
        }
        #expect(error.map { KeySetFetch.text($0) } == "there was no answer in 10 s")
        try await eventually("the connection is closed") { server.connections == (1, 1) }
        try await server.close()
    }

    @Test(
        arguments: [
            ("https://id.example/keys", "/other", "https://id.example/other"),
            ("https://id.example/keys", "https://ID.example:443/x", "https://ID.example:443/x"),
            ("https://id.example/keys", "http://id.example/keys", nil),
            ("https://id.example/keys", "//id.example/x", "https://id.example/x"),
            ("https://id.example/keys", "http://id.example:443/keys", nil),
            ("https://id.example/keys", "https://evil.example/keys", nil),
            ("https://id.example/keys", "https://id.example.evil.example/", nil),
            ("https://id.example/keys", "https://id.example:8443/keys", nil),
            ("https://id.example/keys", "https://id.example@evil.example/", nil),
            ("https://id.example/keys", "file:///etc/passwd", nil), ("https://id.example/keys", "unix:///run/x", nil),
            ("http://id.example/keys", "https://id.example/keys", "https://id.example/keys"),
            ("http://id.example/keys", "https://evil.example/keys", nil),
            ("http://id.example:8080/keys", "https://id.example/keys", nil),
        ] as [(String, String, String?)])
    func whereARedirectMayLead(from: String, location: String, to: String?) throws {
        if let to {
            #expect(try KeySetFetch.target(of: location, from: from) == to)
        } else {
            #expect(throws: KeySetFetch.Failure.self) { try KeySetFetch.target(of: location, from: from) }
        }
    }

    /// A server that speaks 1.1 only is refused for its version, one that speaks 1.2 for its certificate, which comes later.
    @Test(.enabled(if: Certificates.canBeMade), arguments: [("-tls1_1", false), ("-tls1_2", true)])
    func versionsBefore12AreNotSpoken(version: String, isSpoken: Bool) async throws {
        let certificates = try Certificates()
        let server = try RunningProcess(
            "/usr/bin/openssl",
            [
                "s_server", "-accept", "127.0.0.1:0", version, "-cipher", "DEFAULT@SECLEVEL=0", "-www", "-cert",
                certificates.path + "/s.crt", "-key", certificates.path + "/s.key",
            ], environment: ["PATH": "/usr/bin:/bin"], directory: certificates.path)
        let port = try await server.line { $0.firstMatch(of: /ACCEPT .*:(\d+)/).flatMap { Int($0.1) } }
        let error = await #expect(throws: (any Error).self) {
            _ = try await KeySetFetch.bytes(of: "https://127.0.0.1:\(port)/keys")
        }
        let text = "\(error.map { "\($0)" } ?? "")".uppercased()
        #expect(text.contains("CERTIFICATE_VERIFY_FAILED") == isSpoken, "\(text)")
        server.signal(SIGTERM)
    }
}
