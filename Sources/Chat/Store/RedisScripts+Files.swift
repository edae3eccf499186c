// Part of socketio-server, MIT licence; see LICENSE.

// The scripts for files.
extension RedisScripts {
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

    static let trimFiles = """
        countfiles()
        trimfiles('', a[1])
        return 1
        """

    static let readFile = """
        if call('HGET', p..'file:'..a[1], 'room') ~= a[2] then return false end
        return call('GETRANGE', p..'data:'..a[1], a[3], a[4])
        """
}
