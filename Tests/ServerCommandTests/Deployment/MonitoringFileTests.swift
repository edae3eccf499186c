// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// Prometheus' rules and Grafana's dashboard.
@Suite struct MonitoringFileTests {
    private static let rules = "config/prometheus/rules.yml"
    private static let promtool = "/usr/bin/promtool"

    @Test func prometheusTakesTheRules() throws {
        let folder = packageRoot.appendingPathComponent("config/prometheus").path
        let check = try RunningProcess.run(Self.promtool, ["check", "rules", "rules.yml"], directory: folder)
        #expect(check.code == 0 && !check.output.contains("FAILED"), "\(check.output)")
        let test = try RunningProcess.run(Self.promtool, ["test", "rules", "rules.test.yml"], directory: folder)
        #expect(test.code == 0 && test.output.contains("SUCCESS"), "\(test.output)")
    }

    @Test func everyAlarmIsTestedAndExplained() throws {
        let manual = try shipped("docs/operations.md")
        let tests = try shipped("config/prometheus/rules.test.yml")
        var names: [String] = []
        for rule in try YAMLTree.file(Self.rules)["groups"].items.flatMap({ $0["rules"].items }) {
            let name = try #require(rule["alert"].text)
            names.append(name)
            #expect(["critical", "warning"].contains(rule["labels", "severity"].text ?? ""), "\(name)")
            for note in ["summary", "description"] {
                #expect(rule["annotations", note].text?.isEmpty == false, "\(name)")
            }
            #expect(rule["annotations", "runbook"].text == "docs/operations.md#\(name.lowercased())")
            #expect(manual.contains("\n#### \(name)\n"), "\(name): docs/operations.md says nothing")
            #expect(tests.contains(#"{alertname="\#(name)"}"#), "\(name): never fires in the tests")
        }
        #expect(names.count > 20 && Set(names).count == names.count)
        // And nothing is explained that does not exist.
        for match in manual.matches(of: /\n#### (SocketIO\w+)\n/) {
            #expect(names.contains(String(match.1)), "\(match.1)")
        }
    }

    /// Each query of the dashboard is one that Prometheus understands, and asks for metrics there are.
    @Test func theDashboardAsksForWhatThereIs() throws {
        let dashboard = try YAMLTree.file("config/grafana/dashboard.json")
        let panels = dashboard["panels"].items
        #expect(Set(panels.compactMap { $0["id"].number }).count == panels.count)
        var rules = "groups:\n  - name: queries\n    rules:\n"
        var count = 0
        for panel in panels where panel["type"].text != "row" {
            #expect(panel["title"].text?.isEmpty == false)
            #expect(!panel["targets"].items.isEmpty)
            for target in panel["targets"].items {
                let query = try #require(target["expr"].text)
                let names = query.matches(of: /\b(?:engineio|socketio|process)_[a-z0-9_]*[a-z0-9]\b/)
                #expect(!names.isEmpty, "\(query)")
                count += 1
                let plain = query.replacing("$__rate_interval", with: "1m").replacing("$instance", with: ".*")
                rules += "      - {record: 'query_\(count)', expr: '\(plain)'}\n"
            }
        }
        #expect(count > 30)
        let file = try TemporaryFile(rules, name: "queries.yml")
        let check = try RunningProcess.run(Self.promtool, ["check", "rules", file.path])
        #expect(check.code == 0, "\(check.output)")
    }

    /// What a node answers is what Prometheus expects of metrics.
    @Test func prometheusTakesTheMetrics() async throws {
        let server = try RunningProcess.server(["--host", "127.0.0.1", "--port", "0", "--operations-port", "0"])
        let file = try TemporaryFile(try await ask(try await server.operationsPort(), "/metrics").text, name: "metrics")
        let check = try RunningProcess.run("/bin/sh", ["-c", "\(Self.promtool) check metrics < '\(file.path)'"])
        #expect(check.code == 0 && check.output.isEmpty, "\(check.output)")
    }
}
