// Part of socketio-server, MIT licence; see LICENSE.

// The types of a cluster over anything belong to the API of one over Redis.
@_exported public import SocketIOCluster
// And with them what an application needs of the server.
@_exported public import SocketIOServer

// Types of the Redis client that stand in the public API: a file that imports this module can use their members.
@_exported public import struct HiredisNIO.RESPLimits
@_exported public import struct HiredisNIO.RedisConfiguration
@_exported public import struct HiredisNIO.RedisError
@_exported public import struct HiredisNIO.RedisHost
@_exported public import struct HiredisNIO.RedisSecret
@_exported public import struct HiredisNIO.RedisSentinels
@_exported public import struct HiredisNIO.RedisTLS
