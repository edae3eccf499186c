// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import Foundation
import NIOCore
import Testing

@testable import SocketIOCore

/// One line of `Vectors/socketio-packets.jsonl`: what the encoder or decoder of socket.io-parser did.
struct PacketVector: Sendable, CustomTestStringConvertible {
    let line: SocketValue

    var kind: String { line["kind"]?.string ?? "" }
    var id: String { line["id"]?.string ?? "" }
    var testDescription: String { id }

    static func load(kind: String) throws -> [PacketVector] {
        let url = try #require(Bundle.module.url(forResource: "Vectors/socketio-packets", withExtension: "jsonl"))
        return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map { line in
            PacketVector(line: try SocketValue(json: String(line)))
        }
        .filter { $0.kind == kind }
    }
}

extension SocketValue {
    /// Parses JSON text.
    init(json: String) throws {
        self = try PacketPayload(text: ByteBuffer(string: "[\(json)]")).value(at: 0)
    }

    /// The value that a recorded one stands for (`{"$bin":…}` and so on); nil for `undefined`.
    var meant: SocketValue? {
        switch self {
        case .array(let elements):
            return .array(elements.map { $0.meant ?? .null })
        case .object(let members):
            if let special = members.first, members.count == 1, special.key.hasPrefix("$") {
                return special.value.special(special.key)
            }
            return .object(
                SocketObject(members.compactMap { name, value in value.meant.map { (key: name, value: $0) } }))
        default:
            return self
        }
    }

    private func special(_ kind: String) -> SocketValue? {
        let text = string ?? ""
        switch kind {
        case "$bin", "$arraybuffer": return .binary(SocketData(Data(base64Encoded: text) ?? Data()))
        case "$float":
            return .double(text == "-0" ? -0.0 : text == "NaN" ? .nan : text == "Infinity" ? .infinity : -.infinity)
        case "$int": return Int64(text).map { .int($0) } ?? .double(Double(text) ?? .nan)
        case "$date": return .string(text)
        default: return nil
        }
    }

    /// The value as JSON text, and what became attachments.
    func written() throws -> EncodedArguments {
        var writer = ArgumentWriter(bracketed: false)
        try writer.append(self)
        return writer.finish()
    }

    /// The value as a message that reaches the parser.
    var message: EngineMessage {
        if case .binary(let data)? = meant { return .binary(data.buffer) }
        return .text(ByteBuffer(string: string ?? ""))
    }
}

extension DefaultParser {
    mutating func receive(_ text: String) throws(PacketDecodingError) -> SocketPacket? {
        try receive(.text(ByteBuffer(string: text)))
    }

    mutating func receive(bytes: [UInt8]) throws(PacketDecodingError) -> SocketPacket? {
        try receive(.binary(ByteBuffer(bytes: bytes)))
    }
}

extension PacketPayload {
    var values: [SocketValue] { (0..<count).map { value(at: $0) } }
}

extension OutboundMessage {
    /// The Socket.IO text, without the Engine.IO type.
    var socketText: String { String(String(decoding: head.payload, as: UTF8.self).dropFirst()) }
}
