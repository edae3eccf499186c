// Part of socketio-server, MIT licence; see LICENSE.

/// The samples of a page in Prometheus' text format, for `top`.
struct MetricReading: Sendable {
    private struct Sample {
        let name: Substring
        let labels: [(name: Substring, value: String)]
        let value: Double
    }

    private let samples: [Sample]

    /// Reads what it understands, and leaves out the rest.
    init(_ page: String) {
        samples = page.split(separator: "\n").compactMap { line in
            guard !line.hasPrefix("#"), let space = line.lastIndex(of: " "),
                let value = Double(line[line.index(after: space)...])
            else { return nil }
            let head = line[..<space]
            guard let brace = head.firstIndex(of: "{"), head.last == "}" else {
                return Sample(name: head, labels: [], value: value)
            }
            return Sample(
                name: head[..<brace], labels: Self.labels(head[head.index(after: brace)...].dropLast()), value: value)
        }
    }

    /// The sum of a metric over all its labels; nil when there is none.
    func sum(_ name: String) -> Double? {
        let found = samples.filter { $0.name == name }
        return found.isEmpty ? nil : found.reduce(0) { $0 + $1.value }
    }

    /// The value of a metric with this label.
    func value(_ name: String, _ label: String, _ text: String) -> Double? {
        samples.first { $0.name == name && $0.labels.contains { $0.name == label && $0.value == text } }?.value
    }

    /// The text of a label of the first sample that is not zero.
    func text(_ name: String, _ label: String) -> String? {
        samples.first { $0.name == name && $0.value != 0 }?.labels.first { $0.name == label }?.value
    }

    /// `loop="0",le="0.1"`
    private static func labels(_ text: Substring) -> [(name: Substring, value: String)] {
        var labels: [(Substring, String)] = []
        var rest = text
        while let equals = rest.firstRange(of: "=\"") {
            let name = rest[..<equals.lowerBound]
            var value = ""
            var index = equals.upperBound
            while index < rest.endIndex, rest[index] != "\"" {
                if rest[index] == "\\" { index = rest.index(after: index) }
                guard index < rest.endIndex else { return labels }
                value.append(rest[index])
                index = rest.index(after: index)
            }
            guard index < rest.endIndex else { return labels }
            labels.append((name, value))
            rest = rest[rest.index(after: index)...]
            if rest.first == "," { rest.removeFirst() }
        }
        return labels
    }
}
