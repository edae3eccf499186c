// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import Foundation
import HTTPTesting
import NIOCore
import NIOHTTP1
import Testing

@testable import EngineIOServer

/// Recorded answers of the Node server to CORS requests and client files, compared with ours.
@Suite("HTTP as Node answers it")
struct HTTPVectorTests {
    struct Vector: Decodable {
        var id: String
        var steps: [Step]
        var options: Options

        enum CodingKeys: String, CodingKey {
            case id
            case steps
            case options = "server_options"
        }
    }
    struct Options: Decodable {
        var cors: CORS?
    }
    struct CORS: Decodable {
        var origin: Origin?
        var credentials: Bool?
        var methods: [String]?
        var allowedHeaders: [String]?
    }
    enum Origin: Decodable {
        case one(String)
        case many([String])
        case flag(Bool)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let list = try? container.decode([String].self) {
                self = .many(list)
            } else if let flag = try? container.decode(Bool.self) {
                self = .flag(flag)
            } else {
                self = .one(try container.decode(String.self))
            }
        }
    }
    struct Step: Decodable {
        var request: Request?
        var response: Response?
    }
    struct Request: Decodable {
        var method: String
        var path: String
        var headers: [String: HeaderValue]
    }
    /// Recorded as text or as a number.
    struct HeaderValue: Decodable {
        var text: String
        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            text = try (try? container.decode(String.self)) ?? String(container.decode(Int.self))
        }
    }
    struct Response: Decodable {
        var status: Int
        var headers: [[String]]
    }

    static func vectors(prefix: String) throws -> [Vector] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "../ConformanceTests/Vectors/http.jsonl")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").compactMap { line in
            let decoder = JSONDecoder()
            let data = Data(line.utf8)
            struct ID: Decodable { var id: String }
            guard try decoder.decode(ID.self, from: data).id.hasPrefix(prefix) else { return nil }
            return try decoder.decode(Vector.self, from: data)
        }
    }

    /// Header names in lower case without those that describe the connection or the moment.
    private static func comparable(_ headers: [(String, String)], leaving ignored: Set<String>) -> [String] {
        let volatile: Set<String> = ["date", "connection", "keep-alive", "transfer-encoding"]
        return headers.map { ($0.0.lowercased(), $0.1) }
            .filter { !volatile.contains($0.0) && !ignored.contains($0.0) }
            .map { "\($0): \($1)" }.sorted()
    }

    private static func exchange(
        _ step: Step, _ connection: EmbeddedConnection
    ) throws -> (status: Int, headers: [(String, String)])? {
        guard let request = step.request, step.response != nil else { return nil }
        var text = "\(request.method) \(request.path) HTTP/1.1\r\n"
        for (name, value) in request.headers { text += "\(name): \(value.text)\r\n" }
        let before = try connection.output().utf8.count
        try connection.send(text + "\r\n")
        let output = String(decoding: try connection.output().utf8.dropFirst(before), as: UTF8.self)
        let lines = output.prefix(while: { _ in true }).split(separator: "\r\n", omittingEmptySubsequences: false)
        var headers: [(String, String)] = []
        for line in lines.dropFirst() {
            if line.isEmpty { break }
            let parts = line.split(separator: ":", maxSplits: 1)
            headers.append((String(parts[0]), parts[1].trimmingCharacters(in: .whitespaces)))
        }
        return (Int(output.dropFirst(9).prefix(3)) ?? 0, headers)
    }

    private static func configuration(_ cors: CORS) -> CORSConfiguration? {
        // Node lets everybody through, and leaves it to browsers to keep answers from pages.
        var result = CORSConfiguration(enforce: false)
        switch cors.origin {
        case .one("*"), nil: result.origin = .any
        case .one(let origin): result.origin = .exactly(origin)
        case .many(let origins): result.origin = .list(origins)
        // Ours wants to be told explicitly when credentials are allowed to everybody.
        case .flag(true): result.origin = cors.credentials == true ? .matching { _ in true } : .reflect
        case .flag(false): result.origin = .disabled
        }
        if let methods = cors.methods { result.methods = methods }
        result.allowedHeaders = cors.allowedHeaders
        result.credentials = cors.credentials ?? false
        return result
    }

    @Test func crossOriginHeadersAreNodes() throws {
        var compared = 0
        for vector in try Self.vectors(prefix: "cors/") {
            guard let cors = vector.options.cors else { continue }
            for step in vector.steps where step.request?.headers["Upgrade"] == nil {
                // The engine's own headers are compared where the engine is tested.
                let engine = ScriptedEngine { $0.respond(HTTPServerResponse(status: .badRequest)) }
                let connection = try EmbeddedConnection(engine: engine) { $0.cors = Self.configuration(cors) }
                guard let ours = try Self.exchange(step, connection), let theirs = step.response else { continue }
                let names: Set<String> = ["content-type", "content-length", "cache-control", "set-cookie"]
                let isPreflight = step.request?.method == "OPTIONS"
                if isPreflight { #expect(ours.status == theirs.status, "\(vector.id)") }
                #expect(
                    Self.comparable(ours.headers, leaving: isPreflight ? [] : names)
                        == Self.comparable(theirs.headers.map { ($0[0], $0[1]) }, leaving: isPreflight ? [] : names),
                    "\(vector.id)")
                compared += 1
            }
        }
        #expect(compared >= 15)
    }

    @Test func clientFilesAreNodes() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "client-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        for name in ClientFiles.names {
            try Data(String(repeating: "contents of \(name)\n", count: 100).utf8)
                .write(to: directory.appending(path: name))
            try Data("brotli".utf8).write(to: directory.appending(path: name + ".br"))
        }
        var compared = 0
        for vector in try Self.vectors(prefix: "client/") where vector.id != "client/not-served" {
            for step in vector.steps
            where step.request?.method != "POST" && step.request?.headers["If-None-Match"] == nil {
                let connection = try EmbeddedConnection(
                    engine: ScriptedEngine { $0.respond(.refusal(.unknownTransport)) }
                ) {
                    $0.clientDirectory = directory.path
                    $0.cors = vector.options.cors.flatMap(Self.configuration)
                }
                guard let ours = try Self.exchange(step, connection), let theirs = step.response else { continue }
                #expect(ours.status == theirs.status, "\(vector.id) \(step.request?.path ?? "")")
                // Node sends these chunked, and knows no `nosniff`.
                // Its tags are versions, and it says nowhere that an answer depends on `Accept-Encoding`.
                let names: Set<String> = ["content-length", "x-content-type-options", "etag", "vary"]
                #expect(
                    Self.comparable(ours.headers, leaving: names)
                        == Self.comparable(theirs.headers.map { ($0[0], $0[1]) }, leaving: names),
                    "\(vector.id) \(String(describing: step.request))")
                compared += 1
            }
        }
        #expect(compared >= 15)
    }

    @Test func unreadableOriginIsNodes() throws {
        let vector = try #require(try Self.vectors(prefix: "eio4/invalid-header-char").first)
        let connection = try EmbeddedConnection()
        let ours = try #require(try Self.exchange(vector.steps[0], connection))
        #expect(ours.status == vector.steps[0].response?.status)
        #expect(connection.engine.exchanges.isEmpty)
        #expect(!connection.isOpen)
    }
}
