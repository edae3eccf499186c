// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import SocketIOTesting

/// Brings recorded and received answers into a form in which they can be compared: ids replaced, headers that differ
/// by nature left out.
enum Normal {
    /// Not compared: set by the HTTP server below Socket.IO, checked by other means, or (`nosniff`) an addition of ours.
    private static let ignored: Set<String> = [
        "date", "connection", "keep-alive", "transfer-encoding", "content-length", "sec-websocket-accept", "upgrade",
        "x-content-type-options",
        // Node's tag is its version, ours is made of the bytes; ClientFilesTests look at it.
        "etag",
    ]

    /// `name: value` lines, names in lower case, sorted; repeated names joined.
    static func headers(_ headers: [(name: String, value: String)]) -> [String] {
        var joined: [String: String] = [:]
        for (name, value) in headers where !ignored.contains(name.lowercased()) {
            let key = name.lowercased()
            joined[key] = joined[key].map { $0 + ", " + value } ?? value
        }
        return joined.map { "\($0.key): \(cookie($0.value))" }.sorted()
    }

    private static func cookie(_ value: String) -> String {
        value.replacing(/=[A-Za-z0-9_-]{20};/, with: "=<sid>;")
    }

    /// The id of a handshake in a body.
    static func sid(in text: String) -> String? {
        guard text.hasPrefix("0{"), let match = text.firstMatch(of: /"sid":"([^"]+)"/) else { return nil }
        return String(match.1)
    }

    /// Text with 20-character ids replaced.
    static func text(_ text: String) -> String {
        text.replacing(/"sid":"[A-Za-z0-9_-]{20}"/, with: #""sid":"<id>""#)
    }

    static func message(_ message: WebSocketTestMessage) -> WebSocketTestMessage {
        guard case .text(let text) = message else { return message }
        return .text(self.text(text))
    }

    static func message(_ message: EngineTestMessage) -> WebSocketTestMessage {
        switch message {
        case .text(let text): .text(self.text(text))
        case .binary(let bytes): .binary(bytes)
        }
    }
}
