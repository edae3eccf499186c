// Part of socketio-server, MIT licence; see LICENSE.

/// What is sent when a connection begins, before anything else.
struct RedisHandshake: Hashable {
    /// One step is one command with one reply.
    enum Step: Hashable {
        case auth
        case clientName
        case select
        case role
        case statistics
        case ping
    }

    var username: String?
    var password: RedisSecret?
    var clientName: String?
    var database = 0
    /// Asks for the role, and refuses a replica.
    var requiresPrimary = false
    /// Asks for the count of clients that were cut for their output buffers.
    var readsStatistics = false
    /// Ends with a PING: an answer to anything shows that the server serves us.
    var pings = true

    var steps: [(Step, RESPCommand)] {
        var steps: [(Step, RESPCommand)] = []
        if let password {
            let arguments: [any RESPArgument] = [username, password.value].compactMap { $0 }
            steps.append((.auth, RESPCommand("AUTH", arguments: arguments)))
        }
        if let clientName { steps.append((.clientName, RESPCommand("CLIENT SETNAME", clientName))) }
        if database != 0 { steps.append((.select, RESPCommand("SELECT", database))) }
        if requiresPrimary { steps.append((.role, RESPCommand("ROLE"))) }
        if readsStatistics { steps.append((.statistics, RESPCommand("INFO", "stats"))) }
        if pings { steps.append((.ping, RESPCommand("PING"))) }
        return steps
    }
}

/// What the handshake found out.
package struct RedisServerFacts: Sendable, Hashable {
    /// `client_output_buffer_limit_disconnections` of Redis 7.2 and later; nil when not asked or not known.
    package var outputBufferCuts: Int64?
    /// `total_connections_received`, which begins again with the server; nil when not asked.
    package var connectionsReceived: Int64?
    /// Steps the server refused that can be done without, as texts.
    package var refusals: [String] = []
}

extension RedisHandshake.Step {
    var commandName: String {
        switch self {
        case .auth: "AUTH"
        case .clientName: "CLIENT SETNAME"
        case .select: "SELECT"
        case .role: "ROLE"
        case .statistics: "INFO"
        case .ping: "PING"
        }
    }
}
