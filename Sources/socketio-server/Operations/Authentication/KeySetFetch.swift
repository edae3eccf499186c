// Part of socketio-server, MIT licence; see LICENSE.

internal import AsyncHTTPClient
internal import FailureText
internal import Foundation
internal import NIOCore
internal import NIOHTTP1

/// Fetches the key set of `auth.jwt.jwksUrl`.
///
/// The server that answers this request decides who can log in. So the fetch uses TLS 1.2 or later, and follows a
/// redirect only to the same host and port, and never from `https` to `http`. Otherwise an open redirect on the
/// identity provider's site would be enough to supply other keys.
struct KeySetFetch: Sendable {
    /// Why there is no key set.
    enum Failure: Error, CustomStringConvertible {
        case status(UInt)
        case foreignRedirect(to: String)
        case tooManyRedirects

        var description: String {
            switch self {
            case .status(let code): "the answer has status \(code)"
            case .foreignRedirect(let origin):
                "it redirects to \(origin), which is not followed; put the address of the keys into auth.jwt.jwksUrl"
            case .tooManyRedirects: "it redirects more than \(KeySetFetch.maximumRedirects) times"
            }
        }
    }

    private enum Answer: Sendable {
        case keys([UInt8])
        case redirect(to: String)
    }

    static let maximumRedirects = 3
    /// For each request, with its answer to the last byte.
    static let timeout = TimeAmount.seconds(10)
    private static let maximumBytes = 1_048_576

    /// Returns the bytes at the URL.
    ///
    /// - Throws: ``Failure``, or an error of the connection.
    static func bytes(of url: String, timeout: TimeAmount = KeySetFetch.timeout) async throws -> [UInt8] {
        // A new client for each fetch, since a connection would not stay open for the minutes in between.
        let client = HTTPClient.strict()
        do {
            let bytes = try await follow(url, with: client, timeout)
            try await client.shutdown()
            return bytes
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    private static func follow(
        _ start: String, with client: HTTPClient, _ timeout: TimeAmount
    ) async throws -> [UInt8] {
        var url = start
        for _ in 0...maximumRedirects {
            var request = HTTPClientRequest(url: url)
            request.headers.add(name: "Accept", value: "application/jwk-set+json, application/json")
            let answer = try await client.exchange(request, within: timeout) { try await Self.answer($0) }
            switch answer {
            case .keys(let bytes): return bytes
            case .redirect(let location): url = try target(of: location, from: url)
            }
        }
        throw Failure.tooManyRedirects
    }

    private static func answer(_ response: HTTPClientResponse) async throws -> Answer {
        switch response.status {
        case .ok: return .keys(Array(try await response.body.collect(upTo: maximumBytes).readableBytesView))
        case .movedPermanently, .found, .seeOther, .temporaryRedirect, .permanentRedirect:
            guard let location = response.headers.first(name: "Location") else {
                throw Failure.status(response.status.code)
            }
            return .redirect(to: location)
        default: throw Failure.status(response.status.code)
        }
    }

    /// What the log says about an error of ``bytes(of:)``.
    static func text(_ error: any Error) -> String {
        switch error {
        case let error as HTTPClientError: text(error)
        case is NIOTooManyBytesError: "the answer is larger than \(maximumBytes) bytes"
        case is HTTPParserError: "the answer is not HTTP"
        default: failureText(error)
        }
    }

    private static func text(_ error: HTTPClientError) -> String {
        switch error {
        case .deadlineExceeded, .connectTimeout, .readTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout:
            "there was no answer in \(timeout.nanoseconds / 1_000_000_000) s"
        case .remoteConnectionClosed, .uncleanShutdown: "the other side closed the connection"
        case .invalidURL, .emptyHost, .emptyScheme: "auth.jwt.jwksUrl is no address"
        default: error.shortDescription
        }
    }

    /// The URL to which a redirect leads.
    ///
    /// - Throws: ``Failure/foreignRedirect(to:)`` when it must not be followed.
    static func target(of location: String, from url: String) throws -> String {
        guard location.utf8.count <= 4_096, let old = URL(string: url),
            let new = URL(string: location, relativeTo: old)?.absoluteURL
        else { throw Failure.foreignRedirect(to: "something that is no address") }
        let (from, to) = (Place(old), Place(new))
        guard let from, let to, from == to || from.host == to.host && from.isDefaultHTTP && to.isDefaultHTTPS else {
            // The message omits path and query, which may contain secrets.
            throw Failure.foreignRedirect(to: "\(new.scheme ?? "?")://\(new.host ?? "?")")
        }
        return new.absoluteString
    }

    /// Scheme, host and port, with defaults for missing parts.
    private struct Place: Equatable {
        let scheme: String
        let host: String
        let port: Int

        init?(_ url: URL) {
            guard let scheme = url.scheme?.lowercased(), let host = url.host?.lowercased(), !host.isEmpty,
                scheme == "http" || scheme == "https", url.user == nil
            else { return nil }
            self.scheme = scheme
            self.host = host
            port = url.port ?? (scheme == "https" ? 443 : 80)
        }

        /// The usual redirect of a server that requires TLS.
        var isDefaultHTTP: Bool { scheme == "http" && port == 80 }
        var isDefaultHTTPS: Bool { scheme == "https" && port == 443 }
    }
}
