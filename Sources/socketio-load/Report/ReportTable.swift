// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation

/// The report for people.
enum ReportTable {
    static func text(_ report: LoadReport) -> String {
        var lines = [
            "\(report.mode)  \(report.targets.joined(separator: " "))  \(number(report.seconds)) s after "
                + "\(number(report.warmUpSeconds)) s of warm-up, connected in \(number(report.connectSeconds)) s"
        ]
        for part in report.parts { lines += self.part(part, isAlone: report.parts.count == 1) }
        for server in report.servers { lines.append(self.server(server)) }
        if let bytes = report.residentPerConnection {
            lines.append(line("memory", "\(number(bytes / 1024)) KiB for one connection more"))
        }
        lines.append(generator(report.generator))
        let conditions = report.conditions
        lines.append(
            line(
                "conditions",
                "\(conditions.processors) CPUs, Linux \(conditions.kernel), load \(conditions.loadBefore) before, "
                    + "\(conditions.loadAfter) after"))
        lines += report.warnings.map { line("warning", $0) }
        lines += report.faults.map { line("FAULT", $0) }
        return lines.joined(separator: "\n")
    }

    /// Four significant digits, thousands separated.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return "-" }
        let size = abs(value)
        let digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3
        let text = String(format: "%.\(digits)f", value)
        guard digits == 0 else { return text }
        var result = ""
        for (index, character) in text.reversed().enumerated() {
            if index > 0, index % 3 == 0, character != "-" { result.append(",") }
            result.append(character)
        }
        return String(result.reversed())
    }

    private static func line(_ name: String, _ text: String) -> String {
        "  " + name.padding(toLength: 12, withPad: " ", startingAt: 0) + text
    }

    private static func part(_ part: LoadReport.Part, isAlone: Bool) -> [String] {
        var shape = [
            "\(part.connections) \(part.work == .connect ? "slots" : "connections") over \(part.transport.rawValue)"
        ]
        if part.work == .publish { shape.append("\(part.rooms) room\(part.rooms == 1 ? "" : "s")") }
        if part.work == .echo || part.work == .publish { shape.append("\(part.payloadSize) characters") }
        if let rate = part.requestedRate {
            shape.append("\(number(rate))/s wanted")
        } else if part.work == .echo || part.work == .publish {
            shape.append("\(part.inFlight) in flight")
        }
        var lines = [line(isAlone ? "shape" : part.name, shape.joined(separator: ", "))]
        guard part.work != .idle else { return lines }
        let unit = LoadPart(name: "", work: part.work, transport: part.transport, connections: 1).unit
        let plural = unit == "echo" ? "echoes" : unit == "delivery" ? "deliveries" : unit + "s"
        lines.append(line("rate", "\(number(part.rate)) \(plural)/s, \(number(part.sentRate)) sent/s"))
        if let latency = part.latency { lines.append(line("latency", percentiles(latency))) }
        if let lag = part.sendLag { lines.append(line("send lag", percentiles(lag))) }
        let counts = part.counts
        let faults = counts.faults.prefix(part.work == .connect ? 0 : 4).map { "\($0.count) \($0.name)" }
        lines.append(
            line("checks", (["\(counts.sent) sent", "\(counts.delivered) \(plural)"] + faults).joined(separator: ", ")))
        return lines
    }

    private static func percentiles(_ latency: LatencySummary) -> String {
        let values = [
            ("p50", latency.p50), ("p90", latency.p90), ("p99", latency.p99), ("p99.9", latency.p999),
            ("max", latency.max),
        ]
        return values.map { "\($0.0) \(number($0.1)) µs" }.joined(separator: "  ")
    }

    private static func server(_ server: LoadReport.ServerFigures) -> String {
        let each = server.cpuPerDelivery.map { ", \(number($0)) µs for each" } ?? ""
        return line(
            "server",
            "\(server.name) \(server.pid): CPU \(number(server.cpuSeconds)) s (\(number(server.cores * 100)) % of a core)"
                + "\(each); RSS \(megabytes(server.residentBefore)) before, \(megabytes(server.residentAfter)) after, "
                + "\(megabytes(server.residentPeak)) at most")
    }

    private static func generator(_ generator: LoadReport.Generator) -> String {
        var each = generator.cpuPerDelivery.map { ", \(number($0)) µs for each" } ?? ""
        if let user = generator.userPerDelivery { each += " (\(number(user)) outside the kernel)" }
        return line(
            "generator",
            "\(generator.threads) thread\(generator.threads == 1 ? "" : "s"), CPU \(number(generator.cpuSeconds)) s"
                + "\(each), busiest \(Int(generator.busiest * 100)) %")
    }

    private static func megabytes(_ bytes: UInt64) -> String { "\(number(Double(bytes) / 1_048_576)) MiB" }
}
