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

    /// An entry of a stream has the fields t (milliseconds since 1970), k (the token of the call that added it), p. Entries of
    /// another form, and those whose number was never given out, are somebody else's: they are removed where they are met.
    private static let trim = """
        local function fmt(n) return string.format('%.0f', n) end
        local foreign = 0
        local function own(e, last)
          local n, f = tonumber(string.match(e[1], '^(%d+)%-0$')), e[2]
          if n and n >= 1 and n <= last and #f == 6 and f[1] == 't' and f[3] == 'k' and f[5] == 'p'
            and #f[2] <= 15 and string.match(f[2], '^%d+$') then
            return n
          end
        end
        local function remove(e)
          foreign = foreign + 1
          redis.call('XDEL', KEYS[1], e[1])
        end
        local function trim(now, count, size, age, bytes, last)
          local len = redis.call('XLEN', KEYS[1])
          for _ = 1, 1000 do
            if len == 0 then return 0 end
            local e = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
            if not own(e, last) then
              remove(e)
            else
              if not (((len > count or bytes > size) and len > 1) or tonumber(e[2][2]) < now - age) then break end
              redis.call('XDEL', KEYS[1], e[1])
              bytes = bytes - #e[2][6]
            end
            len = len - 1
          end
          return bytes
        end
        local t = redis.call('TIME')
        local now = t[1] * 1000 + math.floor(t[2] / 1000)

        """

    /// A number that this server has seen counts only when it is at most so much above the newest one of the history.
    private static let appendScript =
        trim + """
            local s = redis.call('HMGET', KEYS[2], 'e', 'n', 'b')
            local epoch, n, bytes = s[1], tonumber(s[2] or 0), tonumber(s[3] or 0)
            if ARGV[8] == '1' and epoch then
              for _, e in ipairs(redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1000)) do
                local number = own(e, n)
                if number and e[2][4] == ARGV[7] then return {epoch, fmt(number), '0'} end
              end
            end
            if not epoch then
              epoch, n, bytes = ARGV[4], 0, 0
              redis.call('DEL', KEYS[1])
            end
            local seen = tonumber(ARGV[6])
            if epoch == ARGV[5] and n < seen and seen - n <= \(RoomPosition.maximumStep) then n = seen end
            if n >= \(RoomPosition.maximumNumber) then return redis.error_reply('ERR the room has no further numbers') end
            n = n + 1
            if redis.call('XLEN', KEYS[1]) == 0 then bytes = 0 end
            local function add()
              return redis.pcall('XADD', KEYS[1], fmt(n) .. '-0', 't', fmt(now), 'k', ARGV[7], 'p', ARGV[11])
            end
            local added = add()
            local reason = added.err or ''
            -- Somebody else has added an entry with a higher id.
            if string.find(reason, 'equal or smaller', 1, true) or string.find(reason, 'exhausted', 1, true) then
              local all = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', fmt(tonumber(ARGV[1]) + 10000))
              redis.call('DEL', KEYS[1])
              bytes = 0
              for i = #all, 1, -1 do
                if own(all[i], n - 1) then
                  redis.call('XADD', KEYS[1], all[i][1], unpack(all[i][2]))
                  bytes = bytes + #all[i][2][6]
                else
                  foreign = foreign + 1
                end
              end
              added = add()
            end
            if added.err then return added end
            bytes = trim(now, tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), bytes + #ARGV[11], n)
            redis.call('HSET', KEYS[2], 'e', epoch, 'n', fmt(n), 'b', fmt(bytes))
            redis.call('PEXPIRE', KEYS[1], ARGV[3])
            redis.call('PEXPIRE', KEYS[2], fmt(2 * tonumber(ARGV[3]) + 86400000))
            redis.call(ARGV[12], ARGV[9], epoch .. ' ' .. fmt(n) .. ' ' .. ARGV[10] .. ARGV[11])
            return {epoch, fmt(n), fmt(foreign)}
            """

    private static let readScript =
        trim + """
            local s = redis.call('HMGET', KEYS[2], 'e', 'n', 'b')
            if not s[1] then return {} end
            local before, last = tonumber(s[3] or 0), tonumber(s[2])
            local bytes = trim(now, tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), before, last)
            if bytes ~= before then redis.call('HSET', KEYS[2], 'b', fmt(bytes)) end
            local e = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
            local first = e and string.match(e[1], '^%d+') or fmt(last + 1)
            local out = {s[1], s[2], first}
            local cursor, count, size, taken = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), 0
            local full = false
            while taken < count and not full do
              local page
              local chunk = math.min(16, count - taken)
              if ARGV[4] == 'after' then
                page = redis.call('XRANGE', KEYS[1], fmt(cursor + 1) .. '-0', '+', 'COUNT', chunk)
              elseif cursor < 1 then
                break
              else
                -- The newest ones are looked for beyond all numbers, so that what somebody else has added there is met.
                local top = ARGV[4] == 'newest' and taken == 0 and '+' or fmt(cursor - 1) .. '-0'
                page = redis.call('XREVRANGE', KEYS[1], top, '-', 'COUNT', chunk)
              end
              if #page == 0 then break end
              for _, e in ipairs(page) do
                local number = own(e, last)
                if not number then
                  remove(e)
                else
                  size = size - #e[2][6]
                  full = size < 0 and taken > 0
                  if full then break end
                  taken = taken + 1
                  cursor = number
                  out[#out + 1] = fmt(number)
                  out[#out + 1] = e[2][2]
                  out[#out + 1] = e[2][6]
                end
              end
              if foreign > 2000 then
                return redis.error_reply('ERR the history has very many entries that are not its own')
              end
            end
            for _ = 1, foreign do
              for _, part in ipairs({'0', '0', ''}) do out[#out + 1] = part end
            end
            return out
            """

    private func keys(_ room: String, _ namespace: String) -> (events: String, state: String) {
        // Both in one slot; the length separates the names.
        let name = "\(key)-room:{\(namespace.utf8.count):\(namespace)\(room)}"
        return (name + ":events", name + ":state")
    }

    /// A key of the room; all of them are in one slot.
    func key(of room: String, in namespace: String) -> String { keys(room, namespace).state }

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
            case .newest: ("newest", RoomPosition.maximumNumber)
            }
        return RESPCommand(
            "EVAL", Self.readScript, 2, keys.events, keys.state, limits.maxEvents, limits.maxBytes,
            limits.ageMilliseconds, direction, Int(clamping: min(number, RoomPosition.maximumNumber)), count, bytes)
    }

    // MARK: Answers

    /// The position in the answer to ``append``; nil for an answer that has none.
    static func position(_ reply: RESPValue) -> RoomPosition? {
        guard let parts = reply.arrayValue, parts.count == 3 else { return nil }
        return position(parts[0], parts[1])
    }

    /// How many entries of somebody else ``append`` has removed.
    static func foreignEntries(_ reply: RESPValue) -> Int {
        guard let parts = reply.arrayValue, parts.count == 3 else { return 0 }
        return Int(clamping: number(parts[2]) ?? 0)
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
    /// The number 0 stands for an entry that the script has removed.
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
            guard let number = number(parts[index]), let bytes = parts[index + 2].bytes else { return nil }
            guard number >= first, number <= page.last, let time = parts[index + 1].integerValue else {
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
