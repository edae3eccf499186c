// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import GRDB
internal import NIOConcurrencyHelpers
internal import SocketIOServer

extension SQLiteStore {
    /// See ``HistoryStore/begin(_:owner:now:)``.
    public func begin(_ file: ChatFile, owner: String, now: Int64) async throws -> Int {
        try await write { database in
            if let row = try Self.row(file.id, database) {
                guard (row["owner"] as String).hasSameBytes(as: owner), row["size"] == file.size else {
                    throw HistoryStoreError.refused
                }
                return row["have"]
            }
            try database.execute(
                sql: "INSERT INTO file (id, owner, name, type, size, have, created) VALUES (?, ?, ?, ?, ?, 0, ?)",
                arguments: [file.id, owner, file.name, file.type, file.size, now])
            self.sums.withLockedValue { $0.files += ChatLimits.fileOverhead }
            try self.trimFiles(except: file.id, database)
            return 0
        }
    }

    private static func row(_ file: String, _ database: Database) throws -> Row? {
        try Row.fetchOne(database, sql: "SELECT * FROM file WHERE id = ?", arguments: [file])
    }

    /// See ``HistoryStore/append(_:at:to:owner:)``.
    public func append(_ bytes: [UInt8], at offset: Int, to file: String, owner: String) async throws -> Int {
        try await write(bytes: bytes.count) { database in
            guard let row = try Self.row(file, database), (row["owner"] as String).hasSameBytes(as: owner) else {
                throw HistoryStoreError.refused
            }
            let have: Int = row["have"]
            guard have == offset, offset + bytes.count <= row["size"], !bytes.isEmpty else { return have }
            try database.execute(
                sql: "INSERT INTO chunk (file, offset, bytes) VALUES (?, ?, ?)",
                arguments: [file, offset, Data(bytes)])
            try database.execute(
                sql: "UPDATE file SET have = have + ? WHERE id = ?", arguments: [bytes.count, file])
            self.sums.withLockedValue { $0.files += bytes.count }
            try self.trimFiles(except: file, database)
            return have + bytes.count
        }
    }

    /// See ``HistoryStore/attach(_:owner:to:)``.
    public func attach(_ file: String, owner: String, to room: String) async throws -> ChatFile? {
        try await write { database in
            guard let row = try Self.row(file, database), (row["owner"] as String).hasSameBytes(as: owner),
                row["have"] as Int == row["size"] as Int,
                (row["room"] as String?)?.hasSameBytes(as: room) ?? true
            else { return nil }
            try database.execute(sql: "UPDATE file SET room = ? WHERE id = ?", arguments: [room, file])
            return ChatFile(id: file, name: row["name"], type: row["type"], size: row["size"])
        }
    }

    /// See ``HistoryStore/read(_:in:at:count:)``.
    public func read(_ file: String, in room: String, at offset: Int, count: Int) async throws -> [UInt8]? {
        try await read { database in
            guard let row = try Self.row(file, database), (row["room"] as String?)?.hasSameBytes(as: room) == true
            else { return nil }
            var bytes: [UInt8] = []
            let chunks = try Row.fetchCursor(
                database,
                sql: """
                    SELECT offset, bytes FROM chunk WHERE file = ?1 AND offset < ?3
                    AND offset + LENGTH(bytes) > ?2 ORDER BY offset
                    """,
                arguments: [file, offset, offset + count])
            while let chunk = try chunks.next() {
                let (start, data): (Int, Data) = (chunk["offset"], chunk["bytes"])
                bytes += data.dropFirst(max(0, offset - start)).prefix(count - bytes.count)
            }
            return bytes
        }
    }

    /// Removes the oldest files until all are within the limit.
    func trimFiles(except kept: String, _ database: Database) throws {
        let limit = limits.filesBytes
        while sums.withLockedValue({ $0.files }) > limit {
            let row = try Row.fetchOne(
                database, sql: "SELECT id, have FROM file WHERE id != ? ORDER BY created LIMIT 1", arguments: [kept])
            guard let row else { return }
            try database.execute(sql: "DELETE FROM chunk WHERE file = ?", arguments: [row["id"] as String])
            try database.execute(sql: "DELETE FROM file WHERE id = ?", arguments: [row["id"] as String])
            let have: Int = row["have"]
            sums.withLockedValue { $0.files -= ChatLimits.fileOverhead + have }
        }
    }
}
