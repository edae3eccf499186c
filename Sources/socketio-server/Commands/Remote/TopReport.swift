// Part of socketio-server, MIT licence; see LICENSE.

/// What `top` shows of a node at one moment.
struct TopReport {
    let now: MetricReading
    /// The reading before; nil for the first one, which has no rates.
    let before: MetricReading?
    /// Between the two.
    let seconds: Double

    /// Several lines, each with a line end.
    func text(url: String, unixTime: Double) -> String {
        let node = now.text("socketio_build_info", "node") ?? "?"
        let version = now.text("socketio_build_info", "version") ?? "?"
        let start = now.sum("process_start_time_seconds") ?? unixTime
        var lines = [
            "\(node) at \(url), version \(version), \(state), up \(Self.time(unixTime - start))",
            row(
                "clients",
                [
                    "\(count("engineio_sessions")) sessions", "\(transport("websocket")) WebSocket",
                    "\(transport("polling")) polling", "\(count("socketio_sockets")) sockets",
                    "\(count("socketio_rooms")) rooms",
                ]),
            row(
                "received",
                [
                    rate("socketio_events_received_total", "events"),
                    rate("engineio_messages_received_total", "messages"),
                    byteRate("engineio_received_bytes_total"),
                ]),
            row("sent", [rate("engineio_messages_sent_total", "messages"), byteRate("engineio_sent_bytes_total")]),
            row(
                "waiting",
                [
                    "\(Self.bytes(now.sum("engineio_queued_bytes") ?? 0)) for slow clients",
                    often("engineio_slow_client_disconnects_total", "disconnected"),
                ]),
            row(
                "refused",
                [
                    often("engineio_limit_refusals_total", "by limits of requests"),
                    often("socketio_limit_refusals_total", "by limits of packets"),
                    often("socketio_rate_limited_total", "by rates"),
                ]),
            row(
                "process",
                [
                    cpu, "\(Self.bytes(now.sum("process_resident_memory_bytes") ?? 0)) of memory",
                    "\(count("process_open_fds")) of \(count("process_max_fds")) descriptors", lag,
                ]),
        ]
        let adapter = now.text("socketio_adapter_info", "adapter") ?? "?"
        if let state = now.text("socketio_adapter_state", "state") {
            lines.append(row("cluster", [adapter, state, "\(count("socketio_cluster_peers")) other nodes"]))
        } else {
            lines.append(row("cluster", ["\(adapter), a node on its own"]))
        }
        return lines.map { $0.escapingControlCharacters() + "\n" }.joined()
    }

    private func row(_ name: String, _ cells: [String]) -> String {
        name + String(repeating: " ", count: 10 - name.count) + cells.joined(separator: ", ")
    }

    private var state: String {
        if now.sum("socketio_draining") == 1 { return "draining" }
        if now.sum("socketio_overloaded") == 1 { return "overloaded" }
        return now.sum("socketio_ready") == 1 ? "ready" : "not ready"
    }

    private func count(_ name: String) -> Int { Self.whole(now.sum(name) ?? 0) }

    private func transport(_ name: String) -> Int { Self.whole(now.value("engineio_sessions", "transport", name) ?? 0) }

    /// Per second; nil while there is nothing to compare with. A counter that went back belongs to a new process.
    private func perSecond(_ name: String) -> Double? {
        guard let before, seconds > 0 else { return nil }
        return max(0, (now.sum(name) ?? 0) - (before.sum(name) ?? 0)) / seconds
    }

    private func rate(_ name: String, _ what: String) -> String {
        guard let rate = perSecond(name) else { return "\(count(name)) \(what)" }
        return "\(Self.decimal(rate)) \(what)/s"
    }

    private func often(_ name: String, _ what: String) -> String {
        guard let rate = perSecond(name) else { return "\(count(name)) \(what)" }
        return "\(Self.decimal(rate))/s \(what)"
    }

    private func byteRate(_ name: String) -> String {
        guard let rate = perSecond(name) else { return Self.bytes(now.sum(name) ?? 0) }
        return Self.bytes(rate) + "/s"
    }

    private var cpu: String {
        guard let rate = perSecond("process_cpu_seconds_total") else {
            return "\(Self.decimal(now.sum("process_cpu_seconds_total") ?? 0)) s of CPU"
        }
        return "\(Self.decimal(100 * rate)) % CPU"
    }

    /// The mean since the reading before.
    private var lag: String {
        func value(_ suffix: String) -> Double {
            let name = "socketio_event_loop_lag_seconds" + suffix
            return (now.sum(name) ?? 0) - (before?.sum(name) ?? 0)
        }
        let measured = value("_count")
        return "\(Self.decimal(measured > 0 ? 1_000 * value("_sum") / measured : 0)) ms behind"
    }

    // MARK: Numbers

    /// What a node says may be no number at all.
    private static func whole(_ value: Double) -> Int { Int(exactly: value.rounded()) ?? 0 }

    private static func decimal(_ value: Double) -> String {
        guard value < 100, value.isFinite else { return "\(whole(value))" }
        let tenths = whole(value * 10)
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }

    private static func bytes(_ value: Double) -> String {
        var (value, unit) = (value, 0)
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        while value >= 1_024, unit < units.count - 1 { (value, unit) = (value / 1_024, unit + 1) }
        return "\(decimal(value)) \(units[unit])"
    }

    private static func time(_ seconds: Double) -> String {
        let minutes = max(0, whole(seconds / 60))
        if minutes >= 2 * 24 * 60 { return "\(minutes / (24 * 60)) days" }
        return minutes >= 60 ? "\(minutes / 60) h \(minutes % 60) min" : "\(minutes) min"
    }
}
