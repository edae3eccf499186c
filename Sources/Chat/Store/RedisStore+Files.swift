// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import NIOCore

extension RedisStore {
    package func begin(_ file: ChatFile, owner: String, now: Int64) async throws -> Int {
        Int(
            try await run(
                RedisScripts.beginFile, file.id, owner, file.size, try StoredJSON.text(file), String(now),
                limits.filesBytes
            ).integerValue ?? 0)
    }

    package func append(_ bytes: [UInt8], at offset: Int, to file: String, owner: String) async throws -> Int {
        Int(
            try await run(
                RedisScripts.appendFile, file, owner, offset, ByteBuffer(bytes: bytes), limits.filesBytes
            ).integerValue ?? 0)
    }

    package func attach(_ file: String, owner: String, to room: String) async throws -> ChatFile? {
        try await run(RedisScripts.attachFile, file, owner, room).stringValue
            .map { try StoredJSON.value(ChatFile.self, $0) }
    }

    package func read(_ file: String, in room: String, at offset: Int, count: Int) async throws -> [UInt8]? {
        try await run(RedisScripts.readFile, file, room, max(0, offset), max(0, offset) + count - 1).bytes
            .map { Array($0.readableBytesView) }
    }
}
