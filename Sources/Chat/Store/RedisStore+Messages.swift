// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO

extension RedisStore {
    /// `rev|size|time|person|id|JSON`.
    private static func stored(_ message: ChatMessage) throws -> String {
        "\(message.rev)|\(message.size)|\(message.time)|\(message.from)|\(message.id)|\(try StoredJSON.text(message))"
    }

    static func message(_ seq: Int64, _ value: RESPValue) throws -> ChatMessage? {
        guard let text = value.stringValue, let start = text.utf8.firstIndex(of: UInt8(ascii: "{")) else { return nil }
        var message = try StoredJSON.value(ChatMessage.self, String(text[start...]))
        message.seq = seq
        return message
    }

    /// Numbers and messages in turns.
    private static func messages(_ value: RESPValue) throws -> [ChatMessage] {
        let found = value.arrayValue ?? []
        return try stride(from: 0, to: found.count - 1, by: 2).compactMap { index in
            try message(found[index].integerValue ?? 0, found[index + 1])
        }
    }

    package func append(_ message: ChatMessage) async throws -> ChatMessage {
        let limits = limits
        let stored = try await run(
            RedisScripts.append, message.room, message.from, message.id, try Self.stored(message), message.size,
            limits.historyMessages, limits.historyRoomBytes, limits.historyBytes)
        guard let found = try Self.messages(stored).first else { throw HistoryStoreError.away("not stored") }
        return found
    }

    package func message(_ seq: Int64, in room: String) async throws -> ChatMessage? {
        // The script counts in doubles.
        guard (0...MessageNumber.greatest).contains(seq) else { return nil }
        return try Self.messages(try await run(RedisScripts.range, room, String(seq), String(seq))).first
    }

    package func replace(_ message: ChatMessage) async throws -> Bool {
        try await run(
            RedisScripts.replace, message.room, String(message.seq), message.rev - 1, message.size,
            try Self.stored(message)
        ).integerValue == 1
    }

    package func messages(in room: String, before: Int64?, limit: Int) async throws -> [ChatMessage] {
        try Self.messages(try await run(RedisScripts.before, room, String(before.map { max(0, $0) } ?? -1), limit))
    }

    package func messages(in room: String, after: Int64, limit: Int) async throws -> [ChatMessage] {
        try Self.messages(try await run(RedisScripts.after, room, String(after), limit))
    }

    package func last(in room: String) async throws -> Int64 {
        try await run(RedisScripts.last, room).integerValue ?? 0
    }

    package func mark(_ person: String, in room: String, read: Int64, delivered: Int64) async throws -> ChatMember? {
        try await run(RedisScripts.mark, room, person, String(read), String(delivered)).stringValue
            .flatMap { Self.member(person, $0) }
    }
}
