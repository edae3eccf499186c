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
    /// Bytes of all messages, and of all files; the number of people.
    let sums = NIOLockedValueBox((messages: 0, files: 0, people: 0))

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
                try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM person") ?? 0
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

    private static func migrate(_ database: any DatabaseWriter) throws {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(
                sql: """
                    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
                    CREATE TABLE person (
                        id TEXT PRIMARY KEY, name TEXT NOT NULL, skeleton TEXT NOT NULL, seen INTEGER NOT NULL
                    ) WITHOUT ROWID;
                    CREATE INDEX person_skeleton ON person (skeleton);
                    CREATE TABLE room (
                        key TEXT PRIMARY KEY, title TEXT NOT NULL, space TEXT NOT NULL, owner TEXT NOT NULL,
                        created INTEGER NOT NULL, last INTEGER NOT NULL DEFAULT 0, first INTEGER NOT NULL DEFAULT 1,
                        bytes INTEGER NOT NULL DEFAULT 0, active INTEGER NOT NULL DEFAULT 0
                    ) WITHOUT ROWID;
                    CREATE INDEX room_space ON room (space);
                    CREATE INDEX room_active ON room (active) WHERE bytes > 0;
                    CREATE TABLE member (
                        room TEXT NOT NULL, person TEXT NOT NULL, role TEXT NOT NULL, muted INTEGER NOT NULL,
                        read INTEGER NOT NULL, delivered INTEGER NOT NULL, PRIMARY KEY (room, person)
                    ) WITHOUT ROWID;
                    CREATE INDEX member_person ON member (person);
                    CREATE TABLE message (
                        room TEXT NOT NULL, seq INTEGER NOT NULL, person TEXT NOT NULL, id TEXT NOT NULL,
                        rev INTEGER NOT NULL, time INTEGER NOT NULL, size INTEGER NOT NULL, text TEXT NOT NULL,
                        json TEXT NOT NULL, PRIMARY KEY (room, seq)
                    ) WITHOUT ROWID;
                    CREATE UNIQUE INDEX message_id ON message (room, person, id);
                    CREATE INDEX message_time ON message (time);
                    CREATE TABLE file (
                        id TEXT PRIMARY KEY, owner TEXT NOT NULL, room TEXT, name TEXT NOT NULL, type TEXT NOT NULL,
                        size INTEGER NOT NULL, have INTEGER NOT NULL, created INTEGER NOT NULL
                    ) WITHOUT ROWID;
                    CREATE TABLE chunk (
                        file TEXT NOT NULL, offset INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (file, offset)
                    );
                    """)
        }
        migrator.registerMigration("2") { database in
            try database.execute(
                sql: """
                    CREATE INDEX file_created ON file (created);
                    CREATE INDEX room_owner ON room (owner);
                    """)
        }
        // Those who were there before have settled: what they did is not known any more.
        migrator.registerMigration("3") { database in
            try database.execute(
                sql: """
                    ALTER TABLE person ADD COLUMN newcomer INTEGER NOT NULL DEFAULT 0;
                    CREATE INDEX person_newcomer ON person (seen) WHERE newcomer = 1;
                    """)
        }
        try migrator.migrate(database)
    }
}
