// Part of socketio-server, MIT licence; see LICENSE.

internal import AsyncHTTPClient
internal import EngineIOServer
internal import FailureText
internal import Foundation
internal import Logging
internal import Metrics
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOHTTP1
internal import SocketIOServer

/// Asks a program of the operator whether clients may connect, or join rooms: signed `POST` requests to `callback.*`.
///
/// Each kind of question has connections, waiting places and kept answers of its own, so that clients that ask for rooms
/// keep nobody from connecting.
///
/// Everything but a clear answer is a failure, and a failure lets nobody in.
final class PermissionCallback: Sendable {
    /// What is asked.
    enum Kind: String, Sendable {
        case connect
        case room
    }

    /// The log lines that every client can cause.
    private enum LogLineKind: String, LogKind {
        case failed = "a permission callback failed; the client is refused"
    }

    /// What the program says.
    struct Answer: Sendable, Equatable {
        var isAllowed: Bool
        /// For the client; nil for the usual text.
        var message: String?
        /// Who the client is, for the rules and for webhooks.
        var claims: SocketValue?
        /// Members of `socket.data`.
        var data: SocketValue?
        /// Rooms that the client joins at once.
        var rooms: [String] = []
    }

    /// Why there is no answer.
    enum Failure: Error {
        /// More clients wait than `callback.maxWaiting`.
        case busy
        case failed(String)
    }

    /// The connections, which are made for the first question.
    private enum State {
        case idle
        case open(HTTPClient)
        case closed
    }

    /// Longest answer, in bytes.
    static let longestAnswer = 65_536
    private static let longestMessage = 1_024
    private static let mostRooms = 1_024

    private let kind: Kind
    private let url: String
    private let settings: Settings.Callback
    private let log: RateLimitedLogger<LogLineKind>
    private let state = NIOLockedValueBox(State.idle)
    private let cache: AnswerCache

    /// Nil when the settings name no program for this.
    ///
    /// - Parameter eventLoop: Counts the log lines that are left out.
    init?(_ kind: Kind, _ settings: Settings.Callback, logger: Logger, eventLoop: any EventLoop) {
        guard let url = kind == .connect ? settings.connectUrl : settings.roomUrl else { return nil }
        self.kind = kind
        self.url = url
        self.settings = settings
        log = RateLimitedLogger(logger, eventLoop: eventLoop)
        cache = AnswerCache(
            lifetime: .milliseconds(settings.cacheMs), maximumBytes: settings.cacheBytes,
            maximumWaiting: settings.maxWaiting)
    }

    /// Asks, or takes the answer to the same question from the cache.
    ///
    /// - Throws: ``Failure``.
    func ask(_ question: SocketObject) async throws(Failure) -> Answer {
        guard let secret = settings.secret else { throw .failed("the settings have no callback.secret") }
        var question = question
        question["type"] = .string(kind.rawValue)
        guard let body = try? RawJSON(around: .object(question)).json else {
            throw .failed("the question cannot be written")
        }
        do {
            let found = try await cache.answer(to: body) {
                let answer = try await self.send(body, secret: secret)
                self.count(answer.isAllowed ? "allowed" : "denied")
                return answer
            }
            if found.isCached { count("cached") }
            return found.answer
        } catch {
            let failure = error as? Failure ?? .failed(failureText(error))
            switch failure {
            case .busy: count("busy")
            case .failed(let reason):
                count("failed")
                log.log(.failed, ["callback": "\(kind.rawValue)", "reason": "\(reason)"])
            }
            throw failure
        }
    }

    /// Ends the connections.
    func close() async {
        let open = state.withLockedValue { state -> HTTPClient? in
            defer { state = .closed }
            guard case .open(let client) = state else { return nil }
            return client
        }
        try? await open?.shutdown()
    }

    private func openClient() throws(Failure) -> HTTPClient {
        let client = state.withLockedValue { state -> HTTPClient? in
            switch state {
            case .closed: return nil
            case .open(let client): return client
            case .idle:
                let client = HTTPClient.strict { configuration in
                    // With HTTP/2 any number of requests would share one connection.
                    configuration.httpVersion = .http1Only
                    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = settings.maxConnections
                }
                state = .open(client)
                return client
            }
        }
        guard let client else { throw .failed("the server ends") }
        return client
    }

    private func count(_ outcome: String) {
        Counter(
            label: "socketio_callback_requests_total",
            dimensions: [("callback", kind.rawValue), ("outcome", outcome)]
        ).increment()
    }

    private func send(_ body: String, secret: String) async throws -> Answer {
        let signed = WebhookRequest(body: body, secret: secret, seconds: Int64(Date().timeIntervalSince1970))
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers = [
            "Content-Type": "application/json", "User-Agent": "socketio-server/\(Version.current)",
            WebhookRequest.timestampHeader: signed.timestamp, WebhookRequest.signatureHeader: signed.signature,
        ]
        request.body = .bytes(ByteBuffer(string: body))
        let limit = TimeAmount.milliseconds(Int64(settings.timeoutMs))
        let (status, text) = try await openClient().exchange(request, within: limit) { response in
            (response.status.code, try await response.body.collect(upTo: Self.longestAnswer))
        }
        switch status {
        case 200: return try Self.answer(text)
        case 204: return Answer(isAllowed: true)
        case 401, 403:
            return Answer(isAllowed: false, message: (try? RawJSON(text).value).flatMap(Self.message))
        default: throw Failure.failed("the answer has status \(status)")
        }
    }

    private static func answer(_ text: ByteBuffer) throws(Failure) -> Answer {
        guard let value = try? RawJSON(text).value, let isAllowed = value["allow"]?.bool else {
            throw .failed("the answer is no JSON object with 'allow'")
        }
        var answer = Answer(isAllowed: isAllowed, message: message(value))
        answer.claims = try object("claims", of: value)
        answer.data = try object("data", of: value)
        if let rooms = value["rooms"], !rooms.isNull {
            let names = rooms.array?.compactMap(\.string)
            guard let names, names.count == rooms.array?.count, names.count <= mostRooms else {
                throw .failed("'rooms' of the answer is no list of at most \(mostRooms) names")
            }
            answer.rooms = names
        }
        return answer
    }

    private static func object(_ name: String, of value: SocketValue) throws(Failure) -> SocketValue? {
        guard let member = value[name], !member.isNull else { return nil }
        guard member.object != nil else { throw .failed("'\(name)' of the answer is no object") }
        return member
    }

    private static func message(_ value: SocketValue) -> String? {
        value["message"]?.string.flatMap { $0.isEmpty || $0.utf8.count > longestMessage ? nil : $0 }
    }
}
