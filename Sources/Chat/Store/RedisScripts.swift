// Part of socketio-server, MIT licence; see LICENSE.

/// The scripts of ``RedisStore``. `p` is the prefix of the keys, `a` has the arguments behind it.
enum RedisScripts {
    static let common = """
        local p = ARGV[1]
        local a = {}
        for i = 2, #ARGV do a[i - 1] = ARGV[i] end
        local call = redis.call
        local function number(key, field) return tonumber(call('HGET', key, field) or '0') end
        -- Counts bytes that a room has more, or less, than before. The room with the most is the last of `sizes`.
        local function count(room, size)
            call('ZADD', p..'sizes', call('HINCRBY', p..'state:'..room, 'bytes', size), room)
            call('INCRBY', p..'bytes', size)
        end
        local function drop(room)
            local state, log = p..'state:'..room, p..'log:'..room
            local first = number(state, 'first') + 1
            local stored = call('HGET', log, first)
            if stored then
                local size, person, id = string.match(stored, '^%d+|(%d+)|%d+|([^|]*)|([^|]*)|')
                call('HDEL', log, first)
                call('HDEL', p..'ids:'..room, person..' '..id)
                count(room, -size)
            end
            call('HINCRBY', state, 'first', 1)
            if first >= number(state, 'last') then call('ZREM', p..'sizes', room) end
        end
        local function trim(room, messages, bytes, times)
            local state = p..'state:'..room
            for _ = 1, times do
                local first, last = number(state, 'first'), number(state, 'last')
                if first >= last then return end
                if last - first <= tonumber(messages) and number(state, 'bytes') <= tonumber(bytes) then return end
                drop(room)
            end
        end
        -- The last message of `kept` goes only when there is no other.
        local function trimall(bytes, times, kept)
            for _ = 1, times do
                if tonumber(call('GET', p..'bytes') or '0') <= tonumber(bytes) then return end
                local rooms = call('ZREVRANGE', p..'sizes', 0, 1)
                local room = rooms[1]
                if not room then return end
                local state = p..'state:'..room
                if room == kept and number(state, 'first') + 1 == number(state, 'last') then room = rooms[2] or room end
                drop(room)
            end
        end
        local overhead = \(ChatLimits.fileOverhead)
        -- Files of earlier releases were counted without it.
        local function countfiles()
            if call('SETNX', p..'filecost', overhead) == 1 then
                call('INCRBY', p..'filebytes', call('ZCARD', p..'files') * overhead)
            end
        end
        local function trimfiles(kept, bytes)
            for _, id in ipairs(call('ZRANGE', p..'files', 0, 99)) do
                if tonumber(call('GET', p..'filebytes') or '0') <= tonumber(bytes) then return end
                if id ~= kept then
                    call('DECRBY', p..'filebytes', call('STRLEN', p..'data:'..id) + overhead)
                    call('DEL', p..'file:'..id, p..'data:'..id)
                    call('ZREM', p..'files', id)
                end
            end
        end
        -- Those who have said nothing, made no room, are in no conversation and were not moderated are newcomers.
        local function settle(person) call('ZREM', p..'newcomers', person) end
        local function forget(person)
            for _, room in ipairs(call('SMEMBERS', p..'rooms:'..person)) do
                call('HDEL', p..'members:'..room, person)
            end
            local skeleton = call('HGET', p..'person:'..person, 'skeleton')
            if skeleton and skeleton ~= '' and call('GET', p..'name:'..skeleton) == person then
                call('DEL', p..'name:'..skeleton)
            end
            call('DEL', p..'person:'..person, p..'rooms:'..person)
            call('DECR', p..'people')
            settle(person)
        end
        local function forgetnewcomers(before, count)
            local people = call('ZRANGEBYSCORE', p..'newcomers', '-inf', '('..before, 'LIMIT', 0, count)
            for _, person in ipairs(people) do forget(person) end
            return #people
        end
        local function range(room, from, to)
            local numbers, found = {}, {}
            -- Beyond 2^53 adding one changes nothing, and the loop would have no end.
            if to > 9007199254740991 or to - from > 1000 then return found end
            for seq = from, to do numbers[#numbers + 1] = seq end
            if #numbers == 0 then return found end
            local values = call('HMGET', p..'log:'..room, unpack(numbers))
            for i, seq in ipairs(numbers) do
                if values[i] then
                    found[#found + 1] = seq
                    found[#found + 1] = values[i]
                end
            end
            return found
        end

        """

    static let secret = "call('SETNX', p..'secret', a[1]) return call('GET', p..'secret')"

    /// Sorts rooms of earlier releases, which are in the order of their last messages in `active`. Returns how many it has
    /// found.
    static let sortRooms = """
        local rooms = call('ZRANGE', p..'active', 0, a[1] - 1)
        for _, room in ipairs(rooms) do
            if number(p..'state:'..room, 'bytes') > 0 then count(room, 0) end
            call('ZREM', p..'active', room)
        end
        return #rooms
        """

    static let trim = """
        local start = tonumber(a[1])
        local rooms = call('ZRANGE', p..'sizes', start, start + 19)
        local kept = 0
        for _, room in ipairs(rooms) do
            local state = p..'state:'..room
            for _ = 1, 200 do
                local stored = call('HGET', p..'log:'..room, number(state, 'first') + 1)
                local time = stored and string.match(stored, '^%d+|%d+|(%d+)|')
                if not time or tonumber(time) >= tonumber(a[2]) then break end
                drop(room)
            end
            trim(room, a[3], a[4], 200)
            if call('ZSCORE', p..'sizes', room) then kept = kept + 1 end
        end
        trimall(a[5], 1000)
        return kept
        """
}
