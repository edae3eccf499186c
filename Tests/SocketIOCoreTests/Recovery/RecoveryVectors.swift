// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import Foundation
import NIOCore
import Testing

@testable import SocketIOCore

/// The lines of a recording in `Vectors`.
enum RecoveryVectors {
    static func lines(_ name: String) throws -> [SocketValue] {
        let url = try #require(Bundle.module.url(forResource: "Vectors/\(name)", withExtension: "jsonl"))
        return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map {
            try SocketValue(json: String($0))
        }
    }

    /// The arguments of every Redis command with this name, with the id of its line, in either recording.
    static func commands(_ name: String) throws -> [(id: String, arguments: [String], step: SocketValue)] {
        var found: [(String, [String], SocketValue)] = []
        for line in try lines("recovery") {
            for step in line["steps"]?.array ?? [] where step["redis"]?.string == name {
                found.append((line["id"]?.string ?? "", step["args"]?.array?.compactMap(\.string) ?? [], step))
            }
        }
        for line in try lines("streams-adapter") where line["cmd"]?.string == name {
            found.append((line["id"]?.string ?? "", line["args"]?.array?.compactMap(\.string) ?? [], line))
        }
        return found
    }
}

extension KeptSession {
    /// A session with defaults for what a test does not look at.
    static func sample(
        sid: String = "sid", namespace: String = "/", rooms: [String] = [], start: EventPosition = 0,
        position: EventPosition = 100, subject: String? = nil, pid: String = "AAAABBBBCCCCDDDDEEEE"
    ) throws -> KeptSession {
        KeptSession(
            pid: try #require(PackedID(pid)), sid: sid, namespace: namespace, rooms: rooms,
            data: .object(["user": "u1"]), start: start, position: position, subject: subject)
    }
}
