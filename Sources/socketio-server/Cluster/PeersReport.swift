// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import SocketIORedis

/// What `peers` prints. Nodes say of themselves what they like: nothing of it reaches a terminal unescaped.
enum PeersReport {
    private static let titles = ["TAG", "ID", "ADDRESS", "SESSIONS", "SOCKETS", "HEARTBEAT", "VERSION", "STATE"]
    /// Columns of numbers.
    private static let rightAligned: Set<Int> = [3, 4]

    static func table(_ observation: ClusterObserver.Observation) -> String {
        var rows = observation.nodes.isEmpty ? [] : [titles]
        rows += observation.nodes.map { observed in
            let node = observed.node
            return [
                node.tag, String(node.id.prefix(6)), node.address ?? "-", "\(node.sessions)", "\(node.sockets)",
                seconds(observed.age) + " s ago", node.version.isEmpty ? "-" : node.version,
                node.isDraining ? "draining" : "serving",
            ].map { $0.escapingControlCharacters() }
        }
        let widths = titles.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        var text = ""
        for row in rows {
            var line = ""
            for (column, cell) in row.enumerated() {
                let space = String(repeating: " ", count: widths[column] - cell.count)
                line += (rightAligned.contains(column) ? space + cell : cell + space) + "  "
            }
            while line.last == " " { line.removeLast() }
            text += line + "\n"
        }
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
