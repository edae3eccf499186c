// Part of socketio-server, MIT licence; see LICENSE.

/// Metrics of one name, as Prometheus' text format groups them.
struct MetricFamily: Sendable {
    enum Kind: String, Sendable {
        case counter
        case gauge
        case histogram
        case summary
    }

    struct Sample: Sendable {
        /// Appended to the name of the family: `_bucket`, `_sum`, `_count`.
        var suffix = ""
        var labels: [(name: String, value: String)] = []
        var value: Double
    }

    let name: String
    let kind: Kind
    var samples: [Sample]

    init(_ name: String, _ kind: Kind, _ samples: [Sample]) {
        self.name = name
        self.kind = kind
        self.samples = samples
    }

    /// A family with one sample.
    init(_ name: String, _ kind: Kind, _ value: Double) {
        self.init(name, kind, [Sample(value: value)])
    }
}

/// Prometheus' text format, version 0.0.4.
enum MetricText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    static func render(_ families: [MetricFamily]) -> String {
        var text = ""
        for family in families where !family.samples.isEmpty {
            text += "# HELP \(family.name) \(escaped(MetricCatalog.help(for: family.name), quotes: false))\n"
            text += "# TYPE \(family.name) \(family.kind.rawValue)\n"
            for sample in family.samples {
                text += family.name + sample.suffix
                if !sample.labels.isEmpty {
                    let labels = sample.labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }
                    text += "{" + labels.joined(separator: ",") + "}"
                }
                text += " " + number(sample.value) + "\n"
            }
        }
        return text
    }

    /// A name of a metric, whatever was meant as one.
    static func name(_ label: String) -> String {
        let bytes = label.utf8.map { byte in isNameByte(byte) || byte == UInt8(ascii: ":") ? byte : UInt8(ascii: "_") }
        let name = String(decoding: bytes, as: UTF8.self)
        return name.first?.isNumber != false ? "_" + name : name
    }

    /// A name of a label.
    static func labelName(_ label: String) -> String { name(label).replacing(":", with: "_") }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        if let whole = Int64(exactly: value) { return "\(whole)" }
        return "\(value)"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        let lines = text.escaping(quotes ? "\\\"" : "\\").unicodeScalars
        return lines.reduce(into: "") { if $1 == "\n" { $0 += "\\n" } else { $0.unicodeScalars.append($1) } }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
