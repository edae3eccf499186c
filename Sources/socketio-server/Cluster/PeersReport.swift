// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import SocketIORedis

/// What `peers` prints. Nodes say of themselves what they like: nothing of it reaches a terminal unescaped.
enum PeersReport {
    static func table(_ observation: ClusterObserver.Observation) -> String {
        var table = TextTable(
            .init(title: "TAG"), .init(title: "ID"), .init(title: "ADDRESS"), .init(title: "SESSIONS", isNumber: true),
            .init(title: "SOCKETS", isNumber: true), .init(title: "HEARTBEAT"), .init(title: "VERSION"),
            .init(title: "STATE"))
        table.rows = observation.nodes.map { observed in
            let node = observed.node
            return [
                node.tag, String(node.id.prefix(6)), node.address ?? "-", "\(node.sessions)", "\(node.sockets)",
                seconds(observed.age) + " s ago", node.version.isEmpty ? "-" : node.version,
                node.isDraining ? "draining" : "serving",
            ]
        }
        var text = observation.nodes.isEmpty ? "" : table.text
        text += "nodes: \(observation.nodes.count)\n"
        if observation.silent > 0 { text += "nodes that said nothing: \(observation.silent)\n" }
        return text + "other servers: \(observation.others)\n"
    }

    /// One object on one line.
    static func json(_ observation: ClusterObserver.Observation) -> String {
        let nodes = observation.nodes.map { observed in
            let node = observed.node
            var text = "{\"tag\":"
            LogLine.appendString(node.tag, to: &text)
            text += ",\"id\":"
            LogLine.appendString(node.id, to: &text)
            text += ",\"address\":"
            if let address = node.address { LogLine.appendString(address, to: &text) } else { text += "null" }
            text += ",\"sessions\":\(node.sessions),\"sockets\":\(node.sockets)"
            text += ",\"heartbeatAgeMs\":\(max(0, observed.age.nanoseconds / 1_000_000)),\"version\":"
            LogLine.appendString(node.version, to: &text)
            return text + ",\"startedAt\":\(node.startedAt),\"draining\":\(node.isDraining)}"
        }
        return "{\"nodes\":[\(nodes.joined(separator: ","))],\"silent\":\(observation.silent),"
            + "\"otherServers\":\(observation.others)}\n"
    }

    private static func seconds(_ amount: TimeAmount) -> String {
        let tenths = max(0, (amount.nanoseconds + 50_000_000) / 100_000_000)
        return "\(tenths / 10).\(tenths % 10)"
    }
}
