// Part of socketio-server, MIT licence; see LICENSE.

extension SettingTable {
    /// When the process says that it has more to do than it can.
    static let overload = Section(
        title: "Overload",
        settings: [
            .optionalNumber(
                "overload.maxLoopLagMs", \.overload.maxLoopLagMs, 1...600_000, unit: "ms",
                "How late event loops may be, for as long as `overload.afterMs`, before `/readyz` says `overloaded`."),
            .number(
                "overload.afterMs", \.overload.afterMs, 0...3_600_000, unit: "ms",
                "How long they may be that late."),
            .optionalNumber(
                "overload.maxResidentBytes", \.overload.maxResidentBytes, 1_048_576...1_099_511_627_776,
                unit: "bytes",
                "Memory the process may use before `/readyz` says `overloaded`."),
            .flag(
                "overload.notReady", \.overload.notReady,
                "Whether `/readyz` answers 503 while it says `overloaded`, so that a load balancer sends new clients elsewhere. "
                    + "A load that all nodes have would then take all of them away."),
        ])
}
