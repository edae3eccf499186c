// Part of socketio-server, MIT licence; see LICENSE.

// The scripts for messages.
extension RedisScripts {
    static let append = """
        local room, person = a[1], a[2]
        if call('EXISTS', p..'room:'..room) == 0 then return redis.error_reply('CHATREFUSED') end
        local name = person..' '..a[3]
        local known = call('HGET', p..'ids:'..room, name)
        if known then
            local message = call('HGET', p..'log:'..room, known)
            if message then return { known, message } end
        end
        local seq = call('HINCRBY', p..'state:'..room, 'last', 1)
        call('HSET', p..'log:'..room, seq, a[4])
        call('HSET', p..'ids:'..room, name, seq)
        count(room, a[5])
        if seq == 1 then call('ZREM', p..'unused', room) end
        settle(person)
        local member = call('HGET', p..'members:'..room, person)
        if member then
            local rights = string.match(member, '^([^|]*|[^|]*)|')
            call('HSET', p..'members:'..room, person, rights..'|'..seq..'|'..seq)
        end
        trim(room, a[6], a[7], 64)
        trimall(a[8], 64, room)
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
        count(a[1], tonumber(a[4]) - tonumber(size))
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
}
