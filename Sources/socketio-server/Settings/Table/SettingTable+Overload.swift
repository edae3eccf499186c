// Part of socketio-server, MIT licence; see LICENSE.

extension SettingTable {
    /// When the node reports that it is overloaded.
    static let overload = Section(
        title: "Overload",
        settings: [
            .optionalNumber(
                "overload.maxLoopLagMs", \.overload.maxLoopLagMs, 1...600_000, unit: "ms",
                "How far event loops may lag behind for `overload.afterMs` before `/readyz` reports `overloaded`."),
            .number(
                "overload.afterMs", \.overload.afterMs, 0...3_600_000, unit: "ms",
                "How long event loops may lag that far behind."),
            .optionalNumber(
                "overload.maxResidentBytes", \.overload.maxResidentBytes, 1_048_576...1_099_511_627_776,
                unit: "bytes",
                "Resident memory the process may use before `/readyz` reports `overloaded`."),
            .flag(
                "overload.notReady", \.overload.notReady,
                "Whether `/readyz` answers 503 while it reports `overloaded`, so that a load balancer sends new "
                    + "clients to other nodes. When all nodes are overloaded, this takes all of them out of "
                    + "service."),
        ])
}
