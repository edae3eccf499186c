// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import GRDB
internal import NIOConcurrencyHelpers

/// Keeps everything in one SQLite file, for one server. The journal is written ahead (WAL): what was acknowledged is there
/// after `kill -9`. After a loss of power the last moments may be missing, but the file is whole. Writes that come while
/// one is under way share the next transaction.
public final class SQLiteStore: HistoryStore {
    let database: any DatabaseWriter
    private let writes: WriteBatches
    private let box: NIOLockedValueBox<ChatLimits>
    /// Bytes of all messages, and of all files; the numbers of people and rooms.
    let sums = NIOLockedValueBox((messages: 0, files: 0, people: 0, rooms: 0))

    /// Opens the file, and makes it and its folder when they are not there.
    ///
    /// - Throws: what SQLite or the file system says, for a file that cannot be used.
    public init(path: String, limits: ChatLimits = ChatLimits()) throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = 2
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY")
        }
        // Messages are nobody's business but the chat's.
        let old = umask(0o077)
        defer { umask(old) }
        let pool = try DatabasePool(path: path, configuration: configuration)
        database = pool
        writes = WriteBatches(pool)
        box = NIOLockedValueBox(limits)
        try Self.migrate(pool)
        let found = try pool.read { database in
            (
                try Int.fetchOne(database, sql: "SELECT TOTAL(bytes) FROM room") ?? 0,
                try Int.fetchOne(database, sql: "SELECT TOTAL(have + \(ChatLimits.fileOverhead)) FROM file") ?? 0,
                try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM person") ?? 0,
                try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM room") ?? 0
            )
        }
        sums.withLockedValue { $0 = found }
    }

    /// The limits in force.
    public var limits: ChatLimits {
        get { box.withLockedValue { $0 } }
        set { box.withLockedValue { $0 = newValue } }
    }

    /// Runs `work` in a transaction and returns when that has been committed.
    ///
    /// - Parameter bytes: the size of the texts or the piece of a file that `work` holds while it waits.
    func write<Value: Sendable>(
        bytes: Int = 0, _ work: @escaping @Sendable (Database) throws -> Value
    ) async throws -> Value {
        try await writes.perform(bytes: bytes, work)
    }

    func read<Value: Sendable>(_ work: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await database.read(work)
    }

    /// See ``HistoryStore/close()``.
    public func close() async {
        await writes.end()
        try? database.close()
    }
}
