// Part of socketio-server, MIT licence; see LICENSE.

// The scripts for rooms.
extension RedisScripts {
    static let create = """
        local known = call('GET', p..'room:'..a[1])
        if known then return known end
        local begun = p..'begun:'..a[5]
        if a[5] ~= '' and tonumber(call('GET', begun) or '0') >= tonumber(a[6]) then
            return redis.error_reply('CHATBEGUN')
        end
        local refusal = makeplace(a[2], tonumber(a[4]), tonumber(a[7]), a[9])
        if refusal then return redis.error_reply(refusal) end
        if a[5] ~= '' then
            call('INCR', begun)
            settle(a[5])
        end
        call('INCR', p..'rooms')
        call('SET', p..'room:'..a[1], a[3])
        if a[8] ~= '' then call('ZADD', p..'unused', a[8], a[1]) end
        if a[2] ~= '' then
            call('SADD', p..'space:'..a[2], a[1])
            call('ZREM', p..'unused', 's:'..a[2])
        end
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
        local member = a[3]..'|'..a[4]..'|'..last..'|'..last
        if call('HSETNX', p..'members:'..a[1], a[2], member) == 0 then return 0 end
        call('SADD', p..'rooms:'..a[2], a[1])
        local kind = string.sub(a[1], 1, 2)
        if kind == 'd:' or kind == 'g:' then settle(a[2]) end
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
        call(a[3] == 'banned' and 'SREM' or 'SADD', p..'rooms:'..a[2], a[1])
        settle(a[2])
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
            -- In earlier releases, people had the rooms that they were sent away from among theirs.
            if member and string.sub(member, 1, 7) == 'banned|' then
                call('SREM', p..'rooms:'..a[1], key)
                member = nil
            end
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
}
