// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation

/// Two servers measured in turns, with the ratios of their medians.
struct Comparison: Codable, Sendable {
    struct Metric: Codable, Equatable, Sendable {
        var name: String
        var first: [Double]
        var second: [Double]

        var medianFirst: Double { Self.median(first) }
        var medianSecond: Double { Self.median(second) }
        /// First by second; nil when the second is zero.
        var ratio: Double? { medianSecond == 0 ? nil : medianFirst / medianSecond }
        /// Ratios of the runs which followed each other, least and greatest.
        var spread: (least: Double, greatest: Double)? {
            let ratios = zip(first, second).filter { $0.1 != 0 }.map { $0.0 / $0.1 }
            guard let least = ratios.min(), let greatest = ratios.max() else { return nil }
            return (least, greatest)
        }

        static func median(_ values: [Double]) -> Double {
            guard !values.isEmpty else { return 0 }
            let sorted = values.sorted()
            let middle = sorted.count / 2
            return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
        }

        private enum CodingKeys: String, CodingKey {
            case name, first, second, medianFirst, medianSecond, ratio
        }

        init(name: String, first: [Double], second: [Double]) {
            self.name = name
            self.first = first
            self.second = second
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            name = try container.decode(String.self, forKey: .name)
            first = try container.decode([Double].self, forKey: .first)
            second = try container.decode([Double].self, forKey: .second)
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(name, forKey: .name)
            try container.encode(first, forKey: .first)
            try container.encode(second, forKey: .second)
            try container.encode(medianFirst, forKey: .medianFirst)
            try container.encode(medianSecond, forKey: .medianSecond)
            try container.encodeIfPresent(ratio, forKey: .ratio)
        }
    }

    var scenario: [String]
    var first: [String]
    var second: [String]
    var metrics: [Metric]
    var firstRuns: [LoadReport]
    var secondRuns: [LoadReport]

    init(scenario: [String], first: [LoadReport], second: [LoadReport]) {
        self.scenario = scenario
        self.first = first.first?.targets ?? []
        self.second = second.first?.targets ?? []
        firstRuns = first
        secondRuns = second
        let firstFigures = first.map(Self.figures)
        let secondFigures = second.map(Self.figures)
        metrics = (firstFigures.first ?? []).map(\.name).compactMap { name in
            let ours = firstFigures.compactMap { $0.first { $0.name == name }?.value }
            let theirs = secondFigures.compactMap { $0.first { $0.name == name }?.value }
            guard ours.count == first.count, theirs.count == second.count else { return nil }
            return Metric(name: name, first: ours, second: theirs)
        }
    }

    var faults: [String] {
        firstRuns.flatMap(\.faults).map { "A \($0)" } + secondRuns.flatMap(\.faults).map { "B \($0)" }
    }

    private static func figures(of report: LoadReport) -> [(name: String, value: Double)] {
        var figures: [(name: String, value: Double)] = []
        for part in report.parts where part.work != .idle {
            let prefix = report.parts.count > 1 ? part.name + " " : ""
            figures.append((prefix + "rate, 1/s", part.rate))
            guard let latency = part.latency else { continue }
            figures.append((prefix + "p50, µs", latency.p50))
            figures.append((prefix + "p99, µs", latency.p99))
        }
        if let cpu = report.cpuPerDelivery { figures.append(("CPU for each, µs", cpu)) }
        if let resident = report.residentAfter { figures.append(("RSS, MiB", resident / 1_048_576)) }
        if let bytes = report.residentPerConnection { figures.append(("RSS per connection, KiB", bytes / 1024)) }
        if let generator = report.generator.cpuPerDelivery { figures.append(("generator for each, µs", generator)) }
        return figures
    }

    /// The comparison for people.
    var text: String {
        var lines = [
            "\(scenario.joined(separator: " ")): medians of \(firstRuns.count) runs in turns",
            "A \(first.joined(separator: " "))",
            "B \(second.joined(separator: " "))",
            Self.row("", "A", "B", "A : B", "least – greatest"),
        ]
        for metric in metrics {
            let spread = metric.spread.map { "\(ReportTable.number($0.least)) – \(ReportTable.number($0.greatest))" }
            lines.append(
                Self.row(
                    metric.name, ReportTable.number(metric.medianFirst), ReportTable.number(metric.medianSecond),
                    metric.ratio.map(ReportTable.number) ?? "-", spread ?? "-"))
        }
        for (name, runs) in [("A", firstRuns), ("B", secondRuns)] {
            for warning in Set(runs.flatMap(\.warnings)).sorted() { lines.append("  warning   \(name): \(warning)") }
        }
        lines += faults.map { "  FAULT     \($0)" }
        return lines.joined(separator: "\n")
    }

    private static func row(_ name: String, _ columns: String...) -> String {
        let widths = [12, 12, 10, 20]
        let cells = zip(columns, widths).map { text, width in
            String(repeating: " ", count: max(1, width - text.count)) + text
        }
        return "  " + name.padding(toLength: 26, withPad: " ", startingAt: 0) + cells.joined()
    }
}
