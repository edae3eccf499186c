// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import SocketIOTesting
import Testing

/// One Redis command that a Node.js cluster sent, as recorded.
struct VectorLine: Sendable {
    let number: Int
    let json: TestValue
    /// In front of the recorded names of configurations.
    var prefix = ""

    var id: String { prefix + (json["id"]?.string ?? "") }
    var configuration: String { String(id.prefix { $0 != "/" }) }
    var name: String { String(id.drop { $0 != "/" }.dropFirst()) }
    var operation: String { json["op"]?.string ?? "" }
    var from: String { json["from"]?.string ?? "" }
    var command: String { json["cmd"]?.string ?? "" }
    /// That of a message; for an entry of a stream its name, as ``ScriptedTransport`` shows it.
    var channel: String { json["channel"]?.string ?? json["stream"]?.string.map { "XADD \($0)" } ?? "" }
    var isJSON: Bool { json["encoding"] == "json" }
    var text: String { String(decoding: payload, as: UTF8.self) }
    var disassembly: String { json["dis"]?.string ?? "" }

    /// For an entry of a stream the values of its fields, a line each.
    var payload: [UInt8] {
        if let fields = json["fields"] {
            return Array(["uid", "nsp", "type", "data"].map { fields[$0]?.string ?? "" }.joined(separator: "\n").utf8)
        }
        guard let text = json["payload_b64"]?.string, let data = Data(base64Encoded: text) else { return [] }
        return Array(data)
    }

    var isPublish: Bool { command == "PUBLISH" || command == "SPUBLISH" || command == "XADD" && json["fields"] != nil }
}

/// The recording, and what it says about each configuration.
enum Vectors {
    static let lines = read("redis-adapter")
    /// Those of the streams adapter; their configurations begin with `streams-`.
    static let streamLines = read("streams-adapter", prefix: "streams-")

    /// Those of the sharded adapter; their configurations begin with `sharded-`.
    static let shardedLines = read("sharded-adapter", prefix: "sharded-")

    private static func read(_ name: String, prefix: String = "") -> [VectorLine] {
        guard
            let url = Bundle.module.url(forResource: name, withExtension: "jsonl", subdirectory: "Vectors"),
            let text = try? String(contentsOf: url, encoding: .utf8)
        else { return [] }
        return text.split(separator: "\n").enumerated().compactMap { number, line in
            // Half a character, which no text of Swift has, and so no value of these tests.
            if !prefix.isEmpty, line.prefix(50).contains("/lone-surrogate\"") { return nil }
            do {
                return VectorLine(number: number + 1, json: try TestValue(json: String(line)), prefix: prefix)
            } catch {
                Issue.record("line \(number + 1) of the recording cannot be read: \(error)")
                return nil
            }
        }
    }

    /// The text of a recording.
    static func text(of name: String) throws -> String {
        let url = Bundle.module.url(forResource: name, withExtension: "jsonl", subdirectory: "Vectors")
        guard let url else { throw TestFailure("no recording \(name)") }
        return try String(contentsOf: url, encoding: .utf8)
    }

    private static func all(_ id: String) -> [VectorLine] {
        if id.hasPrefix("sharded-") { return shardedLines }
        return id.hasPrefix("streams-") ? streamLines : lines
    }

    static func lines(_ configuration: String) -> [VectorLine] {
        all(configuration).filter { $0.configuration == configuration }
    }

    /// The lines of one operation, in order.
    static func operation(_ id: String) -> [VectorLine] { all(id).filter { $0.id == id } }

    static func meta(_ configuration: String) -> TestValue {
        all(configuration).first { $0.id == "\(configuration)/meta" }?.json ?? .null
    }

    static func uid(_ configuration: String, node: String, namespace: String) -> String {
        meta(configuration)["uids"]?[namespace]?[node]?.string ?? ""
    }

    /// The id of a recorded client's socket.
    static func socket(_ configuration: String, _ client: String) -> String {
        all(configuration).first { $0.id == "\(configuration)/sockets" && $0.json["sockets"] != nil }?
            .json["sockets"]?["c:\(client)"]?.string ?? ""
    }
}

extension [UInt8] {
    /// The same bytes with every occurrence of some text replaced by text of the same length.
    func replacing(_ old: String, with new: String) -> [UInt8] {
        let (old, new) = (Array(old.utf8), Array(new.utf8))
        guard old.count == new.count, !old.isEmpty, count >= old.count else { return self }
        var result = self
        var index = 0
        while index + old.count <= result.count {
            if result[index] == old[0], result[index..<index + old.count].elementsEqual(old) {
                result.replaceSubrange(index..<index + old.count, with: new)
                index += old.count
            } else {
                index += 1
            }
        }
        return result
    }
}
