// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import SocketIOTesting
import Testing

/// One line of `Vectors/http.jsonl`: what a Node server answered to a list of exchanges.
struct VectorScenario: Sendable, CustomTestStringConvertible {
    struct Request: Sendable {
        var method: String
        var path: String
        var headers: [(name: String, value: String)]
        var body: [UInt8]
    }

    struct Response: Sendable {
        var status: Int
        var headers: [(name: String, value: String)]
        /// The body; nil when only its checksum was recorded.
        var body: [UInt8]?
        var ignoresHeaders = false
    }

    enum Event: Sendable, Equatable {
        case send(EngineTestMessage)
        case receive(EngineTestMessage)
        case closeByClient
        case closed(byServer: Bool, code: Int)
    }

    enum Exchange: Sendable {
        case request(Request, Response?)
        case webSocket(path: String, headers: [(name: String, value: String)], events: [Event])
    }

    struct Step: Sendable {
        var exchange: Exchange
        var outcome: String?
        var note: String?

        /// Whether the recording went on while this exchange was open.
        var staysPending: Bool {
            ["pending poll", "first poll", "first POST"].contains { note?.hasPrefix($0) == true }
        }

        /// How long the recording waited in vain for an answer.
        var silence: Duration? {
            guard let outcome, let range = outcome.range(of: "no complete response within ") else { return nil }
            return Int(outcome[range.upperBound...].prefix { $0.isNumber }).map { .milliseconds(min($0, 300)) }
        }
    }

    var id: String
    var server: String
    var steps: [Step]

    var testDescription: String { id }

    /// Every scenario, in the order of the file.
    static let all: [VectorScenario] = {
        guard let url = Bundle.module.url(forResource: "http", withExtension: "jsonl", subdirectory: "Vectors"),
            let text = try? String(contentsOf: url, encoding: .utf8)
        else { return [] }
        return text.split(separator: "\n").compactMap { try? VectorScenario(line: String($0)) }
    }()

    init(line: String) throws {
        let value = try TestValue(json: line)
        guard let id = value["id"]?.string, let server = value["server"]?.string,
            case .array(let steps)? = value["steps"]
        else { throw TestClientError.unexpected("scenario \(line.prefix(80))") }
        self.id = id
        self.server = server
        self.steps = try steps.map(Self.step)
    }

    private static func step(_ value: TestValue) throws -> Step {
        Step(exchange: try exchange(value), outcome: value["outcome"]?.string, note: value["note"]?.string)
    }

    private static func exchange(_ value: TestValue) throws -> Exchange {
        if let path = value["websocket"]?["path"]?.string {
            let response = value["upgrade_response"]?["headers"]
            return .webSocket(path: path, headers: pairs(response), events: try items(value["events"]).map(event))
        }
        guard let request = value["request"], let method = request["method"]?.string, let path = request["path"]?.string
        else { throw TestClientError.unexpected("step \(value)") }
        var headers: [(name: String, value: String)] = []
        if case .object(let members)? = request["headers"] {
            for (name, value) in members.sorted(by: { $0.key < $1.key }) {
                if case .number(let number) = value {
                    headers.append((name, "\(Int(number))"))
                } else {
                    headers.append((name, value.string ?? ""))
                }
            }
        }
        let sent = Request(method: method, path: path, headers: headers, body: bytes(request) ?? [])
        guard let response = value["response"], case .number(let status)? = response["status"] else {
            return .request(sent, nil)
        }
        return .request(
            sent, Response(status: Int(status), headers: pairs(response["headers"]), body: bytes(response)))
    }

    private static func event(_ value: TestValue) throws -> Event {
        if let sent = value["send"] { return .send(try message(sent)) }
        if let received = value["recv"] { return .receive(try message(received)) }
        if value["close_by_client"] != nil { return .closeByClient }
        guard case .bool(let byServer)? = value["closed_by_server"], case .number(let code)? = value["code"] else {
            throw TestClientError.unexpected("event \(value)")
        }
        return .closed(byServer: byServer, code: Int(code))
    }

    private static func message(_ value: TestValue) throws -> EngineTestMessage {
        if let text = value.string { return .text(text) }
        guard let bytes = value["$bin"]?.string.flatMap({ Data(base64Encoded: $0) }) else {
            throw TestClientError.unexpected("message \(value)")
        }
        return .binary(Array(bytes))
    }

    private static func bytes(_ value: TestValue) -> [UInt8]? {
        if let text = value["body"]?.string { return Array(text.utf8) }
        return value["body_b64"]?.string.flatMap { Data(base64Encoded: $0) }.map(Array.init)
    }

    private static func items(_ value: TestValue?) -> [TestValue] {
        guard case .array(let items)? = value else { return [] }
        return items
    }

    private static func pairs(_ value: TestValue?) -> [(name: String, value: String)] {
        items(value).map { ($0[0]?.string ?? "", $0[1]?.string ?? "") }
    }
}
