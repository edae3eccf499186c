// Part of socketio-server, MIT licence; see LICENSE.

/// Reads Prometheus' text format 0.0.4 as strictly as its documentation and `promtool check metrics` do.
struct PrometheusText {
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    struct Sample: Equatable {
        let name: String
        let labels: [String: String]
        let value: Double
    }

    /// By the name of the family.
    private(set) var types: [String: String] = [:]
    private(set) var help: [String: String] = [:]
    private(set) var samples: [Sample] = []

    init(_ text: String) throws {
        guard text.isEmpty || text.hasSuffix("\n") else { throw Malformed(description: "no line end at the end") }
        var family: String?
        for line in text.split(separator: "\n") {
            if line.hasPrefix("# HELP ") || line.hasPrefix("# TYPE ") {
                let parts = line.dropFirst(7).split(separator: " ", maxSplits: 1).map(String.init)
                guard parts.count == 2 else { throw Malformed(description: "\(line)") }
                if line.hasPrefix("# HELP ") {
                    guard help.updateValue(parts[1], forKey: parts[0]) == nil else {
                        throw Malformed(description: "HELP twice: \(line)")
                    }
                } else {
                    guard help[parts[0]] != nil, types.updateValue(parts[1], forKey: parts[0]) == nil else {
                        throw Malformed(description: "TYPE without HELP, or twice: \(line)")
                    }
                    family = parts[0]
                }
                continue
            }
            let sample = try Self.sample(line)
            guard let family, Self.belongs(sample.name, to: family, types[family]) else {
                throw Malformed(description: "not in its family: \(line)")
            }
            guard !samples.contains(where: { $0.name == sample.name && $0.labels == sample.labels }) else {
                throw Malformed(description: "twice: \(line)")
            }
            samples.append(sample)
        }
        try checkNames()
        try checkHistograms()
    }

    /// The value of a sample with at least these labels; their sum when there are several, nil when there is none.
    subscript(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        let found = samples.filter { sample in
            sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
        }
        return found.isEmpty ? nil : found.reduce(0) { $0 + $1.value }
    }

    private static func belongs(_ name: String, to family: String, _ type: String?) -> Bool {
        switch type {
        case "counter", "gauge": name == family
        case "histogram": ["_bucket", "_sum", "_count"].contains { name == family + $0 }
        case "summary": ["_sum", "_count"].contains { name == family + $0 }
        default: false
        }
    }

    private static func sample(_ line: Substring) throws -> Sample {
        guard let space = line.lastIndex(of: " "), let value = number(line[line.index(after: space)...]) else {
            throw Malformed(description: "no value: \(line)")
        }
        let rest = line[..<space]
        guard let brace = rest.firstIndex(of: "{") else {
            return Sample(name: String(rest), labels: [:], value: value)
        }
        guard rest.hasSuffix("}") else { throw Malformed(description: "labels: \(line)") }
        var labels: [String: String] = [:]
        var text = rest[rest.index(after: brace)...].dropLast()
        while !text.isEmpty {
            guard let match = text.prefixMatch(of: /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)",?/) else {
                throw Malformed(description: "labels: \(line)")
            }
            guard labels.updateValue(String(match.2), forKey: String(match.1)) == nil else {
                throw Malformed(description: "a label twice: \(line)")
            }
            text = text[match.range.upperBound...]
        }
        return Sample(name: String(rest[..<brace]), labels: labels, value: value)
    }

    private static func number(_ text: Substring) -> Double? {
        switch text {
        case "+Inf": .infinity
        case "-Inf": -.infinity
        case "NaN": .nan
        default: text.wholeMatch(of: /-?[0-9.]+(e[-+]?[0-9]+)?/) == nil ? nil : Double(text)
        }
    }

    private func checkNames() throws {
        for (name, type) in types {
            guard name.wholeMatch(of: /[a-zA-Z_:][a-zA-Z0-9_:]*/) != nil else { throw Malformed(description: name) }
            guard (type == "counter") == name.hasSuffix("_total") else {
                throw Malformed(description: "counters, and nothing else, end in _total: \(name)")
            }
        }
    }

    private func checkHistograms() throws {
        for (family, type) in types where type == "histogram" {
            let buckets = samples.filter { $0.name == family + "_bucket" }
            let series = Set(buckets.map { $0.labels.filter { $0.key != "le" } })
            for labels in series {
                let mine = buckets.filter { $0.labels.filter { $0.key != "le" } == labels }
                let counts = mine.map(\.value)
                guard counts == counts.sorted(), mine.last?.labels["le"] == "+Inf",
                    counts.last == self[family + "_count", labels], self[family + "_sum", labels] != nil
                else { throw Malformed(description: "\(family) is no histogram: \(mine)") }
            }
        }
    }
}
