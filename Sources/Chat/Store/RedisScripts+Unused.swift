// Part of socketio-server, MIT licence; see LICENSE.

// The scripts for rooms in which nothing was ever said.
extension RedisScripts {
    /// Functions that remove rooms, for the scripts below and ``create``.
    static let removing = """
        -- Takes a removed room from the lists of some of its former members. Those without another room are newcomers again.
        local function sweep(amount)
            local gone = call('LINDEX', p..'gone', 0)
            if not gone then return 0 end
            local members, room = p..'gone:'..gone, string.match(gone, '^%d+:(.*)$')
            local found = call('HSCAN', members, call('GET', p..'gonecursor') or '0', 'COUNT', amount)
            for i = 1, #found[2], 2 do
                local person = found[2][i]
                -- There may be a new room with this key.
                local member = call('HGET', p..'members:'..room, person)
                if not member then call('SREM', p..'rooms:'..person, room) end
                local seen = call('HGET', p..'person:'..person, 'seen')
                if seen and call('EXISTS', p..'rooms:'..person) == 0 then
                    call('ZADD', p..'newcomers', seen, person)
                end
            end
            if found[1] == '0' then
                call('LPOP', p..'gone')
                call('UNLINK', members)
                call('DEL', p..'gonecursor')
            else
                call('SET', p..'gonecursor', found[1])
            end
            return 1
        end
        -- Removes a room without messages, and with the last channel of a community the community, unless that is `kept`.
        local function remove(room, kept)
            call('ZREM', p..'unused', room)
            local stored = call('GET', p..'room:'..room)
            if not stored then return end
            local owner = cjson.decode(stored).owner
            if owner ~= '' and call('DECR', p..'begun:'..owner) <= 0 then call('DEL', p..'begun:'..owner) end
            call('DEL', p..'room:'..room, p..'state:'..room)
            call('DECR', p..'rooms')
            if call('EXISTS', p..'members:'..room) == 1 then
                local gone = string.format('%.0f', call('INCR', p..'removals'))..':'..room
                call('RENAME', p..'members:'..room, p..'gone:'..gone)
                call('RPUSH', p..'gone', gone)
                sweep(500)
            end
            local space = string.match(room, '^c:([^:]*):')
            if not space then return end
            call('SREM', p..'space:'..space, room)
            if space ~= kept and space ~= '\(CommunityName.lobby)' and call('SCARD', p..'space:'..space) == 0 then
                remove('s:'..space)
            end
        end
        -- Makes sure that there is a place for a new room, if need be by removing an unused one made before a time.
        local function makeplace(space, rooms, channels, before)
            local function surplus() return tonumber(call('GET', p..'rooms') or '0') - rooms end
            if surplus() > 0 then return 'CHATFULL' end
            local present = space == '' and -1 or call('SCARD', p..'space:'..space)
            if present >= channels then
                local oldest, least = nil, tonumber(before)
                for _, room in ipairs(call('SMEMBERS', p..'space:'..space)) do
                    local created = tonumber(call('ZSCORE', p..'unused', room) or least)
                    if created < least then oldest, least = room, created end
                end
                if present > channels or not oldest then return 'CHATCHANNELS' end
                remove(oldest, space)
            end
            if surplus() >= 0 then
                local found = call('ZRANGEBYSCORE', p..'unused', '-inf', '('..before, 'LIMIT', 0, 2)
                -- A community that is about to get a channel is in use.
                local unused = found[1] ~= 's:'..space and found[1] or found[2]
                if not unused then return 'CHATFULL' end
                remove(unused, space)
            end
        end

        """

    static let removeUnused = """
        local rooms = call('ZRANGEBYSCORE', p..'unused', '-inf', '('..a[1], 'LIMIT', 0, a[2])
        for _, room in ipairs(rooms) do remove(room) end
        return #rooms
        """

    static let sweep = "return sweep(a[1])"

    /// Finds the unused rooms of earlier releases, some with each call, once. Returns 1 until all are found.
    static let findUnused = #"""
        local cursor = call('GET', p..'unusedcursor') or '0'
        if cursor == 'end' then return 0 end
        local pattern = string.gsub(p, '[][*?\]', '\%0')..'room:*'
        local found = call('SCAN', cursor, 'MATCH', pattern, 'COUNT', 500)
        for _, key in ipairs(found[2]) do
            local room = string.sub(key, #p + 6)
            local space = string.match(room, '^s:(.*)$')
            local stored = call('GET', key)
            if stored and number(p..'state:'..room, 'last') == 0
                and not (space and call('EXISTS', p..'space:'..space) == 1)
            then
                local known = cjson.decode(stored)
                local isPermanent = space == a[1] or known.space == a[1] and known.owner == ''
                if not isPermanent then call('ZADD', p..'unused', string.format('%.0f', known.created), room) end
            end
        end
        call('SET', p..'unusedcursor', found[1] == '0' and 'end' or found[1])
        return 1
        """#
}
