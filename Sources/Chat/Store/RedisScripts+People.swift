// Part of socketio-server, MIT licence; see LICENSE.

// The scripts for people.
extension RedisScripts {
    static let person = "return call('HMGET', p..'person:'..a[1], 'name', 'seen')"

    static let claim = """
        local id, name, skeleton, seen, since = a[1], a[2], a[3], a[4], a[5]
        if skeleton ~= '' then
            local holder = call('GET', p..'name:'..skeleton)
            if holder and holder ~= id and number(p..'person:'..holder, 'seen') >= tonumber(since) then return 0 end
        end
        if call('EXISTS', p..'person:'..id) == 0 then
            local function isfull() return tonumber(call('GET', p..'people') or '0') >= tonumber(a[6]) end
            if isfull() then forgetnewcomers(a[7], 1) end
            if isfull() then return redis.error_reply('CHATFULL') end
            call('INCR', p..'people')
            call('ZADD', p..'newcomers', seen, id)
        else
            call('ZADD', p..'newcomers', 'XX', seen, id)
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
            call('ZADD', p..'newcomers', 'XX', a[2], a[1])
        else
            forget(a[1])
        end
        return 1
        """

    /// The time, then ids.
    static let seen = """
        for i = 2, #a do
            if call('EXISTS', p..'person:'..a[i]) == 1 then
                call('HSET', p..'person:'..a[i], 'seen', a[1])
                call('ZADD', p..'newcomers', 'XX', a[1], a[i])
            end
        end
        return 1
        """

    static let forgetNewcomers = "return forgetnewcomers(a[1], a[2])"
}
