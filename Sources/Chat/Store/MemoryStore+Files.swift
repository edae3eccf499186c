// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

// The files that people send.
extension MemoryStore {
    /// See ``HistoryStore/begin(_:owner:now:)``.
    public func begin(_ file: ChatFile, owner: String, now: Int64) async throws -> Int {
        if let existing = state.files[file.id] {
            guard existing.owner.hasSameBytes(as: owner), existing.file.size == file.size else {
                throw HistoryStoreError.refused
            }
            return existing.bytes.count
        }
        state.files[file.id] = File(file: file, owner: owner)
        state.filesByAge.append(file.id)
        state.fileBytes += ChatLimits.fileOverhead
        state.trimFiles(except: file.id)
        return 0
    }

    /// See ``HistoryStore/append(_:at:to:owner:)``.
    public func append(_ bytes: [UInt8], at offset: Int, to file: String, owner: String) async throws -> Int {
        guard let existing = state.files[file], existing.owner.hasSameBytes(as: owner) else {
            throw HistoryStoreError.refused
        }
        guard existing.bytes.count == offset, offset + bytes.count <= existing.file.size else {
            return existing.bytes.count
        }
        state.files[file]?.bytes += bytes
        state.fileBytes += bytes.count
        state.trimFiles(except: file)
        return offset + bytes.count
    }

    /// See ``HistoryStore/attach(_:owner:to:)``.
    public func attach(_ file: String, owner: String, to room: String) async throws -> ChatFile? {
        guard let existing = state.files[file], existing.owner.hasSameBytes(as: owner),
            existing.bytes.count == existing.file.size, existing.room?.hasSameBytes(as: room) ?? true
        else { return nil }
        state.files[file]?.room = room
        return existing.file
    }

    /// See ``HistoryStore/read(_:in:at:count:)``.
    public func read(_ file: String, in room: String, at offset: Int, count: Int) async throws -> [UInt8]? {
        guard let existing = state.files[file], existing.room?.hasSameBytes(as: room) == true else { return nil }
        let start = max(0, min(offset, existing.bytes.count))
        return Array(existing.bytes[start..<min(existing.bytes.count, start + count)])
    }
}
