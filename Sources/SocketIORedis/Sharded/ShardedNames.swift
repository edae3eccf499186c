// Part of socketio-server, MIT licence; see LICENSE.

/// The channels of one namespace with sharded publish/subscribe (protocol 5.7).
struct ShardedNames: Sendable {
    /// Requests, and broadcasts to more or less than one room with a channel.
    let all: String
    /// Responses for this server alone.
    let own: String

    init(prefix: String, namespace: String, uid: String) {
        all = "\(prefix)#\(namespace)#"
        own = "\(all)\(uid)#"
    }

    /// Responses for one server.
    func server(_ uid: String) -> String { "\(all)\(uid)#" }

    /// Broadcasts to one room.
    func room(_ room: String) -> String { "\(all)\(room)#" }
}
