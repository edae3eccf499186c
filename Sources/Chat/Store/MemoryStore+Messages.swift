// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

// The messages of rooms.
extension MemoryStore {
    /// See ``HistoryStore/append(_:)``.
    public func append(_ message: ChatMessage) async throws -> ChatMessage {
        guard let room = state.rooms[message.room] else { throw HistoryStoreError.refused }
        let name = message.from + " " + message.id
        if let seq = room.ids[name], let existing = room[seq] { return existing }
        var message = message
        room.last += 1
        message.seq = room.last
        room.ids[name] = message.seq
        if var member = room.members[message.from] {
            member.read = message.seq
            member.delivered = message.seq
            room.members[message.from] = member
        }
        state.add(message, to: room)
        state.newcomers.remove(message.from)
        return message
    }

    /// See ``HistoryStore/message(_:in:)``.
    public func message(_ seq: Int64, in room: String) async throws -> ChatMessage? { state.rooms[room]?[seq] }

    /// See ``HistoryStore/replace(_:)``.
    public func replace(_ message: ChatMessage) async throws -> Bool {
        guard let room = state.rooms[message.room], let old = room[message.seq], old.rev == message.rev - 1 else {
            return false
        }
        room[message.seq] = message
        state.count(message.size - old.size, in: room)
        state.trim(room)
        return true
    }

    /// See ``HistoryStore/messages(in:before:limit:)``.
    public func messages(in room: String, before: Int64?, limit: Int) async throws -> [ChatMessage] {
        guard let messages = state.rooms[room]?.messages, let first = messages.first?.seq else { return [] }
        let end = before.map { $0 <= first ? 0 : min(messages.count, Int(clamping: $0 - first)) } ?? messages.count
        return Array(messages.prefix(end).suffix(limit))
    }

    /// See ``HistoryStore/messages(in:after:limit:)``.
    public func messages(in room: String, after: Int64, limit: Int) async throws -> [ChatMessage] {
        guard let messages = state.rooms[room]?.messages, let first = messages.first?.seq else { return [] }
        let start = after < first ? 0 : min(messages.count, Int(clamping: after - first + 1))
        return Array(messages.dropFirst(start).prefix(limit))
    }

    /// See ``HistoryStore/last(in:)``.
    public func last(in room: String) async throws -> Int64 { state.rooms[room]?.last ?? 0 }

    /// See ``HistoryStore/mark(_:in:read:delivered:)``.
    public func mark(_ person: String, in room: String, read: Int64, delivered: Int64) async throws -> ChatMember? {
        guard let existing = state.rooms[room], var member = existing.members[person] else { return nil }
        member.read = max(member.read, min(read, existing.last))
        member.delivered = max(member.delivered, min(delivered, existing.last), member.read)
        state.rooms[room]?.members[person] = member
        return member
    }
}
