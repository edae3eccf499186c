// Part of socketio-server, MIT licence; see LICENSE.

internal import CoreMetrics
internal import Foundation
internal import Testing

@testable internal import socketio_server

@Suite struct MetricTests {
    @Test func familiesHaveHelpTypeAndSamples() {
        let text = MetricText.render([
            MetricFamily("socketio_ready", .gauge, 1),
            MetricFamily(
                "engineio_sessions", .gauge,
                [
                    .init(labels: [("transport", "polling")], value: 2),
                    .init(labels: [("transport", "a\"b\\c\nd"), ("x", "")], value: 0.5),
                ]),
            MetricFamily("nobody_total", .counter, []),
        ])
        #expect(
            text == """
                # HELP socketio_ready 1 when the node accepts new clients, as in /readyz.
                # TYPE socketio_ready gauge
                socketio_ready 1
                # HELP engineio_sessions Open sessions by transport.
                # TYPE engineio_sessions gauge
                engineio_sessions{transport="polling"} 2
                engineio_sessions{transport="a\\"b\\\\c\\nd",x=""} 0.5

                """)
        #expect(throws: Never.self) { try PrometheusText(text) }
    }

    @Test(arguments: [
        (0, "0"), (-3, "-3"), (1.5, "1.5"), (1e300, "1e+300"), (Double.nan, "NaN"), (Double.infinity, "+Inf"),
        (-Double.infinity, "-Inf"), (1e-9, "1e-09"), (0x1p53, "9007199254740992"),
    ])
    func numbers(value: Double, text: String) {
        #expect(MetricText.number(value) == text)
    }

    @Test(arguments: [
        ("http.requests", "http_requests"), ("9lives", "_9lives"), ("", "_"), ("a:b", "a:b"), ("ä", "__"),
        ("a\nb{", "a_b_"),
    ])
    func namesAreMadeFit(label: String, name: String) {
        #expect(MetricText.name(label) == name)
        #expect(!MetricText.labelName(label).contains(":"))
    }

    @Test func instrumentsWithOneNameShareASeries() throws {
        let registry = MetricRegistry()
        registry.makeCounter(label: "a_total", dimensions: [("x", "1")]).increment(by: 2)
        registry.makeCounter(label: "a_total", dimensions: [("x", "1")]).increment(by: 3)
        registry.makeCounter(label: "a_total", dimensions: [("x", "2")]).increment(by: 1)
        registry.makeCounter(label: "b", dimensions: []).increment(by: 7)
        registry.makeRecorder(label: "level", dimensions: [], aggregate: false).record(Int64(4))
        registry.makeRecorder(label: "level", dimensions: [], aggregate: false).record(1.5)
        registry.makeRecorder(label: "sizes", dimensions: [], aggregate: true).record(Int64(10))
        registry.makeTimer(label: "time_seconds", dimensions: []).recordNanoseconds(1_500_000_000)
        let text = try PrometheusText(MetricText.render(registry.families))
        #expect(text["a_total", ["x": "1"]] == 5)
        #expect(text["a_total", ["x": "2"]] == 1)
        #expect(text["b_total"] == 7)
        #expect(text["level"] == 1.5)
        #expect(text["sizes_sum"] == 10)
        #expect(text["sizes_count"] == 1)
        #expect(text["time_seconds_sum"] == 1.5)
    }

    /// One name for two kinds: the first one has it, and nobody traps.
    @Test func oneNameIsOneKind() throws {
        let registry = MetricRegistry()
        registry.makeCounter(label: "x_total", dimensions: []).increment(by: 1)
        registry.makeRecorder(label: "x_total", dimensions: [], aggregate: false).record(Int64(9))
        registry.makeTimer(label: "x_total", dimensions: []).recordNanoseconds(9)
        registry.makeRecorder(label: "x_total", dimensions: [("a", "b")], aggregate: false).record(Int64(9))
        let text = try PrometheusText(MetricText.render(registry.families))
        #expect(text["x_total"] == 1)
    }

    @Test func seriesAreBounded() {
        let registry = MetricRegistry()
        for number in 0...MetricRegistry.maxSeries {
            registry.makeCounter(label: "many_total", dimensions: [("n", "\(number)")]).increment(by: 1)
        }
        #expect(registry.families.map(\.samples.count) == [MetricRegistry.maxSeries])
    }

    @Test func theManualNamesEveryMetric() throws {
        let file = packageRoot.appendingPathComponent("docs/operations.md")
        let manual = try String(contentsOf: file, encoding: .utf8)
        for (name, help) in MetricCatalog.entries {
            #expect(manual.contains("| `\(name)` | \(help) |"), "\(name)")
        }
        let named = Set(manual.matches(of: /\| `((?:engineio|socketio|process)_[a-z_]+)` \|/).map { String($0.1) })
        #expect(named.subtracting(MetricCatalog.entries.keys).isEmpty)
    }

    /// A counter that counts nothing looks like one that has had nothing to count.
    @Test func everyMetricIsLookedAtByATest() throws {
        let folder = packageRoot.appendingPathComponent("Tests").path
        let tests = try FileManager.default.subpathsOfDirectory(atPath: folder)
            .filter { $0.hasSuffix("Tests.swift") && !$0.contains(".build") && !$0.hasSuffix("/MetricTests.swift") }
            .map { try String(contentsOfFile: folder + "/" + $0, encoding: .utf8) }
        for name in MetricCatalog.entries.keys.sorted() {
            #expect(tests.contains { $0.contains("[\"\(name)") }, "\(name)")
        }
    }

    @Test(arguments: [
        "x 1", "# TYPE x gauge\nx 1\n", "# HELP x a\n# TYPE x counter\nx 1\n", "# HELP x a\n# TYPE x gauge\nx 1\nx 2\n",
        "# HELP x a\n# TYPE x gauge\nx{a=\"b} 1\n", "# HELP x a\n# TYPE x gauge\nx one\n",
        "# HELP x a\n# TYPE x histogram\nx_bucket{le=\"1\"} 1\nx_sum 1\nx_count 1\n",
    ])
    func theTestsOwnReaderIsStrict(text: String) {
        #expect(throws: PrometheusText.Malformed.self) { try PrometheusText(text) }
    }
}
