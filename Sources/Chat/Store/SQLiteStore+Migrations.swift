// Part of socketio-server, MIT licence; see LICENSE.

internal import GRDB

// The tables, and how those of earlier releases become them.
extension SQLiteStore {
    /// - Parameter last: the last step that is done; nil for all.
    static func migrate(_ database: any DatabaseWriter, upTo last: String? = nil) throws {
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
        // The room with the most bytes loses messages first, unused rooms go, and bans are not read with the places of a person.
        migrator.registerMigration("4") { database in
            try database.execute(
                sql: """
                    DROP INDEX room_active;
                    ALTER TABLE room DROP COLUMN active;
                    CREATE INDEX room_bytes ON room (bytes) WHERE bytes > 0;
                    ALTER TABLE room ADD COLUMN unused INTEGER NOT NULL DEFAULT 0;
                    UPDATE room SET unused = 1
                        WHERE last = 0 AND key != 's:lobby' AND NOT (space = 'lobby' AND owner = '')
                        AND NOT (key LIKE 's:%' AND EXISTS (
                            SELECT 1 FROM room AS channel WHERE channel.space = SUBSTR(room.key, 3)));
                    CREATE INDEX room_unused ON room (created) WHERE unused = 1;
                    DROP INDEX member_person;
                    CREATE INDEX member_place ON member (person) WHERE role != 'banned';
                    """)
        }
        if let last { try migrator.migrate(database, upTo: last) } else { try migrator.migrate(database) }
    }
}
