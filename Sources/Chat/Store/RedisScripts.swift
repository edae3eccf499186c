// Part of socketio-server, MIT licence; see LICENSE.

/// The scripts of ``RedisStore``. `p` is the prefix of the keys, `a` has the arguments behind it.
enum RedisScripts {
    static let common = """
        local p = ARGV[1]
        local a = {}
        for i = 2, #ARGV do a[i - 1] = ARGV[i] end
        local call = redis.call
        local function number(key, field) return tonumber(call('HGET', key, field) or '0') end
        local function drop(room)
            local state, log = p..'state:'..room, p..'log:'..room
            local first = number(state, 'first') + 1
            local stored = call('HGET', log, first)
            if stored then
                local size, person, id = string.match(stored, '^%d+|(%d+)|%d+|([^|]*)|([^|]*)|')
                call('HDEL', log, first)
                call('HDEL', p..'ids:'..room, person..' '..id)
                call('HINCRBY', state, 'bytes', -size)
                call('DECRBY', p..'bytes', size)
            end
            call('HINCRBY', state, 'first', 1)
            if first >= number(state, 'last') then call('ZREM', p..'active', room) end
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
        local function trimall(bytes, times)
            for _ = 1, times do
                if tonumber(call('GET', p..'bytes') or '0') <= tonumber(bytes) then return end
                local room = call('ZRANGE', p..'active', 0, 0)[1]
                if not room then return end
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

    static let person = "return call('HMGET', p..'person:'..a[1], 'name', 'seen')"

    static let claim = """
        local id, name, skeleton, seen, since = a[1], a[2], a[3], a[4], a[5]
        if skeleton ~= '' then
            local holder = call('GET', p..'name:'..skeleton)
            if holder and holder ~= id and number(p..'person:'..holder, 'seen') >= tonumber(since) then return 0 end
        end
        if call('EXISTS', p..'person:'..id) == 0 then
            if tonumber(call('GET', p..'people') or '0') >= tonumber(a[6]) then
                return redis.error_reply('CHATFULL')
            end
            call('INCR', p..'people')
        end
        local old = call('HGET', p..'person:'..id, 'skeleton')
        if old and old ~= '' and old ~= skeleton and call('GET', p..'name:'..old) == id then
            call('DEL', p..'name:'..old)
        end
        if skeleton ~= '' then call('SET', p..'name:'..skeleton, id) end
        call('HSET', p..'person:'..id, 'name', name, 'skeleton', skeleton, 'seen', seen)
        return 1
        """

    static let left = """
        local person = p..'person:'..a[1]
        if call('EXISTS', person) == 0 then return 0 end
        if call('EXISTS', p..'rooms:'..a[1]) == 1 then
            call('HSET', person, 'seen', a[2])
            return 1
        end
        local skeleton = call('HGET', person, 'skeleton')
        if skeleton and skeleton ~= '' and call('GET', p..'name:'..skeleton) == a[1] then
            call('DEL', p..'name:'..skeleton)
        end
        call('DEL', person)
        call('DECR', p..'people')
        return 1
        """

    static let create = """
        local known = call('GET', p..'room:'..a[1])
        if known then return known end
        if tonumber(call('GET', p..'rooms') or '0') >= tonumber(a[4]) then return redis.error_reply('CHATFULL') end
        if a[2] ~= '' and call('SCARD', p..'space:'..a[2]) >= tonumber(a[7]) then
            return redis.error_reply('CHATCHANNELS')
        end
        if a[5] ~= '' then
            local begun = p..'begun:'..a[5]
            if tonumber(call('GET', begun) or '0') >= tonumber(a[6]) then return redis.error_reply('CHATBEGUN') end
            call('INCR', begun)
        end
        call('INCR', p..'rooms')
        call('SET', p..'room:'..a[1], a[3])
        if a[2] ~= '' then call('SADD', p..'space:'..a[2], a[1]) end
        return a[3]
        """

    static let room = "return call('GET', p..'room:'..a[1])"

    static let channels = """
        local found = {}
        for _, key in ipairs(call('SMEMBERS', p..'space:'..a[1])) do
            found[#found + 1] = call('GET', p..'room:'..key)
        end
        return found
        """

    static let join = """
        if call('EXISTS', p..'room:'..a[1]) == 0 then return 0 end
        local last = string.format('%.0f', number(p..'state:'..a[1], 'last'))
        call('HSETNX', p..'members:'..a[1], a[2], a[3]..'|'..a[4]..'|'..last..'|'..last)
        call('SADD', p..'rooms:'..a[2], a[1])
        return 1
        """

    static let leave = """
        call('HDEL', p..'members:'..a[1], a[2])
        call('SREM', p..'rooms:'..a[2], a[1])
        return 1
        """

    static let moderate = """
        local member = call('HGET', p..'members:'..a[1], a[2])
        if not member then return 0 end
        local markers = string.match(member, '^[^|]*|[^|]*|(.*)$')
        call('HSET', p..'members:'..a[1], a[2], a[3]..'|'..a[4]..'|'..markers)
        return 1
        """

    static let member = "return call('HGET', p..'members:'..a[1], a[2])"

    static let members = "return call('HGETALL', p..'members:'..a[1])"

    static let places = """
        local found = {}
        for _, key in ipairs(call('SMEMBERS', p..'rooms:'..a[1])) do
            local isHere
            if a[2] == '' then
                isHere = string.sub(key, 1, 2) ~= 'c:'
            else
                isHere = string.sub(key, 1, #a[2] + 3) == 'c:'..a[2]..':'
            end
            local member = isHere and call('HGET', p..'members:'..key, a[1])
            local room = member and call('GET', p..'room:'..key)
            if room then
                local last = call('HGET', p..'state:'..key, 'last') or '0'
                found[#found + 1] = room
                found[#found + 1] = member
                found[#found + 1] = last
                found[#found + 1] = call('HGET', p..'log:'..key, last) or ''
            end
        end
        return found
        """

    static let placeCounts = """
        local communities, conversations = 0, 0
        for _, key in ipairs(call('SMEMBERS', p..'rooms:'..a[1])) do
            local kind = string.sub(key, 1, 2)
            local member = kind ~= 'c:' and call('HGET', p..'members:'..key, a[1])
            if member and string.sub(member, 1, 7) ~= 'banned|' then
                if kind == 's:' then communities = communities + 1 else conversations = conversations + 1 end
            end
        end
        return { communities, conversations }
        """

    static let append = """
        local room, person = a[1], a[2]
        if call('EXISTS', p..'room:'..room) == 0 then return redis.error_reply('CHATREFUSED') end
        local name = person..' '..a[3]
        local known = call('HGET', p..'ids:'..room, name)
        if known then
            local message = call('HGET', p..'log:'..room, known)
            if message then return { known, message } end
        end
        local state = p..'state:'..room
        local seq = call('HINCRBY', state, 'last', 1)
        call('HSET', p..'log:'..room, seq, a[4])
        call('HSET', p..'ids:'..room, name, seq)
        call('HINCRBY', state, 'bytes', a[5])
        call('INCRBY', p..'bytes', a[5])
        call('ZADD', p..'active', call('INCR', p..'clock'), room)
        local member = call('HGET', p..'members:'..room, person)
        if member then
            local rights = string.match(member, '^([^|]*|[^|]*)|')
            call('HSET', p..'members:'..room, person, rights..'|'..seq..'|'..seq)
        end
        trim(room, a[6], a[7], 64)
        trimall(a[8], 64)
        return { seq, a[4] }
        """

    static let range = "return range(a[1], tonumber(a[2]), tonumber(a[3]))"

    static let replace = """
        local log = p..'log:'..a[1]
        local old = call('HGET', log, a[2])
        if not old then return 0 end
        local rev, size = string.match(old, '^(%d+)|(%d+)|')
        if rev ~= a[3] then return 0 end
        call('HSET', log, a[2], a[5])
        call('HINCRBY', p..'state:'..a[1], 'bytes', tonumber(a[4]) - tonumber(size))
        call('INCRBY', p..'bytes', tonumber(a[4]) - tonumber(size))
        return 1
        """

    static let before = """
        local state = p..'state:'..a[1]
        local first, last = number(state, 'first') + 1, number(state, 'last')
        if tonumber(a[2]) >= 0 then last = math.min(last, tonumber(a[2]) - 1) end
        return range(a[1], math.max(first, last - tonumber(a[3]) + 1), last)
        """

    static let after = """
        local state = p..'state:'..a[1]
        local first, last = math.max(number(state, 'first'), tonumber(a[2])) + 1, number(state, 'last')
        return range(a[1], first, math.min(last, first + tonumber(a[3]) - 1))
        """

    static let last = "return call('HGET', p..'state:'..a[1], 'last') or '0'"

    static let mark = """
        local member = call('HGET', p..'members:'..a[1], a[2])
        if not member then return false end
        local last = number(p..'state:'..a[1], 'last')
        local rights, read, delivered = string.match(member, '^([^|]*|[^|]*)|(%d+)|(%d+)$')
        read = math.max(tonumber(read), math.min(tonumber(a[3]), last))
        delivered = math.max(tonumber(delivered), math.min(tonumber(a[4]), last), read)
        member = rights..'|'..string.format('%.0f', read)..'|'..string.format('%.0f', delivered)
        call('HSET', p..'members:'..a[1], a[2], member)
        return member
        """

    static let beginFile = """
        local file = p..'file:'..a[1]
        local owner, size = call('HGET', file, 'owner'), call('HGET', file, 'size')
        if owner then
            if owner ~= a[2] or size ~= a[3] then return redis.error_reply('CHATREFUSED') end
            return call('STRLEN', p..'data:'..a[1])
        end
        countfiles()
        call('HSET', file, 'owner', a[2], 'size', a[3], 'json', a[4])
        call('ZADD', p..'files', a[5], a[1])
        call('INCRBY', p..'filebytes', overhead)
        trimfiles(a[1], a[6])
        return 0
        """

    static let appendFile = """
        local file, data = p..'file:'..a[1], p..'data:'..a[1]
        if call('HGET', file, 'owner') ~= a[2] then return redis.error_reply('CHATREFUSED') end
        local have = call('STRLEN', data)
        if have ~= tonumber(a[3]) or have + #a[4] > number(file, 'size') then return have end
        countfiles()
        call('APPEND', data, a[4])
        call('INCRBY', p..'filebytes', #a[4])
        trimfiles(a[1], a[5])
        return have + #a[4]
        """

    static let attachFile = """
        local file = p..'file:'..a[1]
        if call('HGET', file, 'owner') ~= a[2] then return false end
        if call('STRLEN', p..'data:'..a[1]) ~= number(file, 'size') then return false end
        local room = call('HGET', file, 'room')
        if room and room ~= a[3] then return false end
        call('HSET', file, 'room', a[3])
        return call('HGET', file, 'json')
        """

    static let readFile = """
        if call('HGET', p..'file:'..a[1], 'room') ~= a[2] then return false end
        return call('GETRANGE', p..'data:'..a[1], a[3], a[4])
        """

    static let trim = """
        local start = tonumber(a[1])
        local rooms = call('ZRANGE', p..'active', start, start + 19)
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
            if call('ZSCORE', p..'active', room) then kept = kept + 1 end
        end
        trimall(a[5], 1000)
        return kept
        """
}
