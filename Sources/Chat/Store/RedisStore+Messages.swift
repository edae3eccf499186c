// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import NIOCore

extension RedisStore {
    /// `rev|size|time|person|id|JSON`, a line feed, and the text.
    private static func stored(_ message: ChatMessage) throws -> String {
        let head = "\(message.rev)|\(message.size)|\(message.time)|\(message.from)|\(message.id)|"
        return head + (try StoredJSON.textless(message)) + "\n" + message.text
    }

    /// The parts of what was stored. In earlier releases the text was in the JSON; it is nil then.
    private static func parts(
        _ value: RESPValue
    ) -> (json: ByteBufferView, text: ByteBufferView?)? {
        guard let bytes = value.bytes?.readableBytesView, let start = bytes.firstIndex(of: UInt8(ascii: "{")) else {
            return nil
        }
        guard let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) else { return (bytes[start...], nil) }
        return (bytes[start..<end], bytes[(end + 1)...])
    }

    static func message(_ seq: Int64, _ value: RESPValue) throws -> ChatMessage? {
        guard let (json, text) = parts(value) else { return nil }
        var message = try StoredJSON.message(json, text: text ?? ByteBufferView())
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

    package func search(_ text: String, in room: String, limit: Int) async throws -> [ChatMessage] {
        let pattern = SearchPattern(text)
        return try await search(limit: limit) { before, count in
            let page = try await run(RedisScripts.before, room, String(before ?? -1), count).arrayValue ?? []
            var found: [ChatMessage] = []
            for index in stride(from: 0, to: page.count - 1, by: 2).reversed() where found.count < limit {
                // Only what may match is decoded.
                if let text = Self.parts(page[index + 1])?.text,
                    !text.withUnsafeBytes(pattern.matches)
                {
                    continue
                }
                guard let message = try Self.message(page[index].integerValue ?? 0, page[index + 1]),
                    pattern.matches(message.text)
                else { continue }
                found.append(message)
            }
            return (found, page.first?.integerValue)
        }
    }

    package func last(in room: String) async throws -> Int64 {
        try await run(RedisScripts.last, room).integerValue ?? 0
    }

    package func mark(_ person: String, in room: String, read: Int64, delivered: Int64) async throws -> ChatMember? {
        try await run(RedisScripts.mark, room, person, String(read), String(delivered)).stringValue
            .flatMap { Self.member(person, $0) }
    }
}
