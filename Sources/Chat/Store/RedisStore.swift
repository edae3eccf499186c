// Part of socketio-server, MIT licence; see LICENSE.

package import HiredisNIO
package import Logging
internal import NIOConcurrencyHelpers
package import NIOCore
internal import SocketIOServer

/// Keeps everything in one Redis, for several servers. Each change is one script, so that all servers see the same order.
/// Redis has to write to its disk (`appendonly yes`) for messages to outlive it.
///
/// | key, after the prefix | type | what it has |
/// | --- | --- | --- |
/// | `secret`, `bytes`, `filebytes`, `rooms`, `people` | string | secret, sums, numbers |
/// | `person:ID` | hash | name, skeleton, time |
/// | `newcomers` | sorted set | people who have not settled, by the time they were last seen |
/// | `name:SKELETON` | string | id of the person with this name |
/// | `room:KEY`, `space:ID` | string, set | a room as JSON, keys of a community's channels |
/// | `members:KEY`, `rooms:ID` | hash, set | members with their markers, and bans; rooms of a person |
/// | `state:KEY` | hash | number of the first and the last message, bytes |
/// | `log:KEY`, `ids:KEY` | hash | messages by number, numbers by sender and id |
/// | `sizes` | sorted set | rooms with messages, by their bytes |
/// | `unused` | sorted set | rooms in which nothing was ever said, by the time they were made |
/// | `gone`, `gone:NUMBER:KEY`, `gonecursor`, `removals` | list, hash, string, string | former members of removed rooms |
/// | `filecost`, `unusedcursor` | string | which data of earlier releases has been put right |
/// | `file:ID`, `data:ID`, `files` | hash, string, sorted set | files, by age |
package final class RedisStore: HistoryStore {
    private let client: RedisClient
    private let prefix: String
    private let box: NIOLockedValueBox<ChatLimits>

    /// Begins to connect. A call without a connection waits for two seconds, then fails.
    ///
    /// - Parameter prefix: in front of the names of all keys.
    package init(
        configuration: RedisConfiguration, eventLoop: any EventLoop, logger: Logger, prefix: String,
        limits: ChatLimits = ChatLimits()
    ) {
        self.prefix = prefix
        box = NIOLockedValueBox(limits)
        client = RedisClient(configuration: configuration, eventLoop: eventLoop, logger: logger, name: "chat")
        client.start()
    }

    package var limits: ChatLimits {
        get { box.withLockedValue { $0 } }
        set { box.withLockedValue { $0 = newValue } }
    }

    package func close() async { await client.close() }

    func run(_ script: String, _ arguments: any RESPArgument...) async throws -> RESPValue {
        try await run(script, arguments)
    }

    func run(_ script: String, _ arguments: [any RESPArgument]) async throws -> RESPValue {
        do {
            return try await client.execute(
                RESPCommand("EVAL", arguments: [RedisScripts.common + script, 0, prefix] + arguments),
                whenDown: .wait(.seconds(2)))
        } catch {
            let refusals: [(String, HistoryStoreError)] = [
                ("CHATREFUSED", .refused), ("CHATFULL", .full), ("CHATCHANNELS", .tooManyChannels),
                ("CHATBEGUN", .tooManyBegun),
            ]
            for (word, refusal) in refusals where SearchPattern(word).matches(error.message) { throw refusal }
            throw HistoryStoreError.away(error.description)
        }
    }

    package func secret(_ candidate: String) async throws -> String {
        try await run(RedisScripts.secret, candidate).stringValue ?? candidate
    }

    package func trim(now: Int64) async throws {
        let limits = limits
        let oldest = limits.historyDays == 0 ? 0 : now - Int64(limits.historyDays) * 86_400_000
        while try await run(RedisScripts.sortRooms, 500).integerValue == 500 {}
        var start = 0
        while true {
            let count =
                try await run(
                    RedisScripts.trim, start, String(oldest), limits.historyMessages, limits.historyRoomBytes,
                    limits.historyBytes
                ).integerValue ?? 0
            guard count > 0 else { break }
            start += Int(count)
        }
        _ = try await run(RedisScripts.trimFiles, limits.filesBytes)
        let forgottenBefore = String(now - limits.nameHoldMilliseconds)
        try await trimRooms(createdBefore: forgottenBefore)
        while try await run(RedisScripts.forgetNewcomers, forgottenBefore, 50).integerValue == 50 {}
    }

    /// Removes unused rooms that were made before a time.
    private func trimRooms(createdBefore time: String) async throws {
        while try await run(RedisScripts.findUnused, CommunityName.lobby).integerValue == 1 {}
        let remove = RedisScripts.removing + RedisScripts.removeUnused
        while try await run(remove, time, 50).integerValue == 50 {}
        while try await run(RedisScripts.removing + RedisScripts.sweep, 500).integerValue == 1 {}
    }
}
