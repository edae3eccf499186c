// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCluster

extension ClusterError {
    /// What the setting of the largest message is called where there is Redis.
    static let messageLimitName = "redis.maxMessageBytes"

    /// A message is larger than nodes send each other over Redis.
    static func tooLarge(_ bytes: Int, limit: Int) -> ClusterError {
        tooLarge(bytes, limit: limit, name: messageLimitName)
    }
}
