// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import NIOCore
internal import SocketIOCore

/// The commands for the histories of rooms, and their answers (protocol 5.13).
///
/// Each room has two keys: a stream whose entries have the ids `<number>-0`, and a hash with the epoch (`e`), the last number
/// (`n`) and the bytes of the stream (`b`, of no meaning when the stream has expired). The hash outlives the events, so that
/// their positions stay valid. Scripts change both in one step, and publish the event in the same step: all nodes hear the
/// events of all rooms in their order.
struct RoomHistoryCommands: Sendable {
    /// The prefix of all keys and channels of the cluster.
    let key: String
    let isSharded: Bool

    /// The channel on which nodes hear of new events.
    var channel: String { "\(key)-room#" }

    /// An entry of a stream has the fields t (milliseconds since 1970), k (the token of the call that added it), p.
    private static let trim = """
        local function fmt(n) return string.format('%.0f', n) end
        local function trim(now, count, size, age, bytes)
          local len = redis.call('XLEN', KEYS[1])
          for _ = 1, 1000 do
            if len == 0 then return 0 end
            local e = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
            if not (((len > count or bytes > size) and len > 1) or tonumber(e[2][2]) < now - age) then break end
            redis.call('XDEL', KEYS[1], e[1])
            len = len - 1
            bytes = bytes - #e[2][6]
          end
          return bytes
        end
        local t = redis.call('TIME')
        local now = t[1] * 1000 + math.floor(t[2] / 1000)

        """

    private static let appendScript =
        trim + """
            local s = redis.call('HMGET', KEYS[2], 'e', 'n', 'b')
            local epoch, n, bytes = s[1], tonumber(s[2] or 0), tonumber(s[3] or 0)
            if ARGV[8] == '1' and epoch then
              for _, e in ipairs(redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1000)) do
                if e[2][4] == ARGV[7] then return {epoch, string.match(e[1], '^%d+')} end
              end
            end
            if not epoch then
              epoch, n, bytes = ARGV[4], 0, 0
              redis.call('DEL', KEYS[1])
            end
            if epoch == ARGV[5] and n < tonumber(ARGV[6]) then n = tonumber(ARGV[6]) end
            n = n + 1
            if redis.call('XLEN', KEYS[1]) == 0 then bytes = 0 end
            redis.call('XADD', KEYS[1], fmt(n) .. '-0', 't', fmt(now), 'k', ARGV[7], 'p', ARGV[11])
            bytes = trim(now, tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), bytes + #ARGV[11])
            redis.call('HSET', KEYS[2], 'e', epoch, 'n', fmt(n), 'b', fmt(bytes))
            redis.call('PEXPIRE', KEYS[1], ARGV[3])
            redis.call('PEXPIRE', KEYS[2], fmt(2 * tonumber(ARGV[3]) + 86400000))
            redis.call(ARGV[12], ARGV[9], epoch .. ' ' .. fmt(n) .. ' ' .. ARGV[10] .. ARGV[11])
            return {epoch, fmt(n)}
            """

    private static let readScript =
        trim + """
            local s = redis.call('HMGET', KEYS[2], 'e', 'n', 'b')
            if not s[1] then return {} end
            local before = tonumber(s[3] or 0)
            local bytes = trim(now, tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), before)
            if bytes ~= before then redis.call('HSET', KEYS[2], 'b', fmt(bytes)) end
            local e = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
            local first = e and string.match(e[1], '^%d+') or fmt(tonumber(s[2]) + 1)
            local out = {s[1], s[2], first}
            local cursor, count, size, taken = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), 0
            while taken < count do
              local page
              local chunk = math.min(16, count - taken)
              if ARGV[4] == 'after' then
                page = redis.call('XRANGE', KEYS[1], fmt(cursor + 1) .. '-0', '+', 'COUNT', chunk)
              elseif cursor < 1 then
                break
              else
                page = redis.call('XREVRANGE', KEYS[1], fmt(cursor - 1) .. '-0', '-', 'COUNT', chunk)
              end
              if #page == 0 then break end
              for _, e in ipairs(page) do
                size = size - #e[2][6]
                if size < 0 and taken > 0 then return out end
                taken = taken + 1
                local number = string.match(e[1], '^%d+')
                cursor = tonumber(number)
                out[#out + 1] = number
                out[#out + 1] = e[2][2]
                out[#out + 1] = e[2][6]
              end
            end
            return out
            """

    private func keys(_ room: String, _ namespace: String) -> (events: String, state: String) {
        // Both in one slot; the length separates the names.
        let name = "\(key)-room:{\(namespace.utf8.count):\(namespace)\(room)}"
        return (name + ":events", name + ":state")
    }

    func append(
        _ event: ByteBuffer, to room: String, in namespace: String, _ limits: RoomHistoryLimits, seen: RoomPosition?,
        token: String, isRepetition: Bool
    ) -> RESPCommand {
        var rng = SystemRandomNumberGenerator()
        let keys = keys(room, namespace)
        let header = "\(namespace.utf8.count) \(room.utf8.count)\n\(namespace)\(room)"
        return RESPCommand(
            "EVAL", Self.appendScript, 2, keys.events, keys.state, limits.maxEvents, limits.maxBytes,
            limits.ageMilliseconds, BootID(using: &rng).text, seen?.epoch.text ?? "-",
            Int(clamping: seen?.number ?? 0), token, isRepetition ? "1" : "0", channel, header, event,
            isSharded ? "SPUBLISH" : "PUBLISH")
    }

    func read(
        _ query: RoomQuery, of room: String, in namespace: String, count: Int, bytes: Int, _ limits: RoomHistoryLimits
    ) -> RESPCommand {
        let keys = keys(room, namespace)
        let (direction, number): (String, UInt64) =
            switch query {
            case .after(let number): ("after", number)
            case .before(let number): ("before", number)
            case .newest: ("before", RoomPosition.maximumNumber)
            }
        return RESPCommand(
            "EVAL", Self.readScript, 2, keys.events, keys.state, limits.maxEvents, limits.maxBytes,
            limits.ageMilliseconds, direction, Int(clamping: min(number, RoomPosition.maximumNumber)), count, bytes)
    }

    // MARK: Answers

    /// The position in the answer to ``append``; nil for an answer that has none.
    static func position(_ reply: RESPValue) -> RoomPosition? {
        guard let parts = reply.arrayValue, parts.count == 2 else { return nil }
        return position(parts[0], parts[1])
    }

    private static func position(_ epoch: RESPValue, _ number: RESPValue) -> RoomPosition? {
        guard let epoch = epoch.stringValue.flatMap({ BootID($0) }), let number = self.number(number) else {
            return nil
        }
        return RoomPosition(epoch: epoch, number: number)
    }

    private static func number(_ value: RESPValue) -> UInt64? {
        guard let number = value.integerValue, number >= 0, number <= RoomPosition.maximumNumber else { return nil }
        return UInt64(number)
    }

    /// The page in the answer to ``read``; nil for an answer that is none. Events that cannot be read, and those whose
    /// numbers the history cannot have given out, are left out and reported to `invalid`: somebody else may write there, too.
    static func page(
        _ reply: RESPValue, _ query: RoomQuery, in namespace: String, invalid: (any Error) -> Void
    ) -> RoomPage? {
        guard let parts = reply.arrayValue else { return nil }
        var page = RoomPage()
        if parts.isEmpty { return page }
        guard parts.count >= 3, parts.count % 3 == 0, let position = position(parts[0], parts[1]),
            let first = number(parts[2]), (1...position.number + 1).contains(first)
        else { return nil }
        (page.epoch, page.last, page.first) = (position.epoch, position.number, first)
        for index in stride(from: 3, to: parts.count, by: 3) {
            guard let number = number(parts[index]), let time = parts[index + 1].integerValue,
                let bytes = parts[index + 2].bytes
            else { return nil }
            guard number >= first, number <= page.last else {
                invalid(StoredRoomEvent.Invalid.number)
                continue
            }
            do {
                page.events.append(
                    KeptEvent(number: number, time: time, content: try StoredRoomEvent.decode(bytes, in: namespace)))
            } catch {
                invalid(error)
            }
        }
        if case .after = query {} else { page.events.reverse() }
        let isSorted = zip(page.events, page.events.dropFirst()).allSatisfy { $0.number < $1.number }
        return isSorted ? page : nil
    }

    /// What a message on the channel is about, and its event, which is not decoded yet.
    struct Announcement {
        let namespace: String
        let room: String
        let position: RoomPosition
        let event: ByteBuffer
    }

    /// Reads a message; nil when it is none. Somebody else may write there, too.
    static func announcement(_ payload: ByteBuffer) -> Announcement? {
        var payload = payload
        guard let end = payload.readableBytesView.prefix(64).firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        let line = payload.readString(length: end - payload.readerIndex) ?? ""
        payload.moveReaderIndex(forwardBy: 1)
        let words = line.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map {
            String(Substring($0))
        }
        guard words.count == 4, let position = RoomPosition("\(words[0])-\(words[1])"),
            let namespaceLength = UInt16(words[2]), let roomLength = UInt16(words[3]),
            let namespace = payload.readString(length: Int(namespaceLength)),
            let room = payload.readString(length: Int(roomLength))
        else { return nil }
        return Announcement(namespace: namespace, room: room, position: position, event: payload)
    }
}
