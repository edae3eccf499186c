// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import Testing

@testable internal import socketio_server

@Suite struct ProxyConfigTests {
    private static let nodes = ["n001=127.0.0.1:3001", "n002=127.0.0.1:3002", "n003=127.0.0.1:3003"]

    static func plan(
        _ nodes: [String] = nodes, listen: String = "*:8080", sticky: ProxyPlan.Stickiness = .sid,
        change: (inout Settings) -> Void = { _ in }
    ) throws -> ProxyPlan {
        var settings = Settings()
        change(&settings)
        return ProxyPlan(
            nodes: nodes.compactMap(ProxyPlan.Node.init), listen: try #require(ProxyPlan.Place(listen)),
            stickiness: sticky, settings: settings)
    }

    @Test func theShippedFilesAreWhatIsPrinted() throws {
        let plan = try Self.plan()
        for (name, text) in [("haproxy.cfg", plan.haproxy), ("nginx.conf", plan.nginx)] {
            let file = packageRoot.appendingPathComponent("config/\(name)")
            #expect(try String(contentsOf: file, encoding: .utf8) == text, "\(name): run 'make docs'")
        }
    }

    @Test(arguments: ProxyPlan.Stickiness.allCases)
    func theBalancersTakeThem(sticky: ProxyPlan.Stickiness) throws {
        for listen in ["*:8080", "127.0.0.1:8080", "[::1]:8080"] {
            let nodes = ["a-_Z=127.0.0.1:1", "-AbC=localhost:65535", "-abc=[::1]:3000", "9999=127.0.0.1:2"]
            let plan = try Self.plan(nodes, listen: listen, sticky: sticky)
            let haproxy = try TemporaryFile(plan.haproxy, name: "haproxy.cfg")
            let check = try RunningProcess.run("/usr/sbin/haproxy", ["-c", "-f", haproxy.path])
            #expect(check.code == 0, "\(check.output)")
            #expect(!check.output.contains("WARNING") && !check.output.contains("ALERT"), "\(check.output)")
            let nginx = try TemporaryFile(plan.nginx, name: "nginx.conf")
            let test = try RunningProcess.run(
                "/usr/sbin/nginx", ["-t", "-c", nginx.path, "-g", "pid \(nginx.path).pid;"])
            #expect(test.code == 0, "\(test.output)")
            #expect(!test.output.contains("[emerg]") && !test.output.contains("[warn]"), "\(test.output)")
        }
    }

    @Test(arguments: [ProxyPlan.Stickiness.sid, .cookie])
    func traefikNamesEveryNode(sticky: ProxyPlan.Stickiness) throws {
        let text = try Self.plan(sticky: sticky).traefik
        for (index, tag) in ["n001", "n002", "n003"].enumerated() {
            #expect(text.contains(sticky == .sid ? "QueryRegexp(`sid`, `^\(tag)`)" : "(^|; *)io=\(tag)"))
            #expect(text.components(separatedBy: "http://127.0.0.1:300\(index + 1)").count == 3)
        }
        #expect(!text.contains("retry:"))
        // YAML, as far as our own reader of settings can tell: all its complaints are about keys.
        let file = try TemporaryFile(text, name: "traefik.yml")
        #expect(SettingsFile(path: file.path).problems.allSatisfy { $0.message.contains("unknown key") })
    }

    @Test func timesFollowTheSettings() throws {
        let plan = try Self.plan(change: {
            $0.pingIntervalMs = 10_000
            $0.pingTimeoutMs = 5_500
            $0.maxHttpBufferSize = 4_096
            $0.limits.keepAliveTimeoutMs = 75_000
            $0.health.readyPath = "/up"
        })
        // 15.5 s, rounded up, and 15 s of room.
        #expect(plan.haproxy.contains("timeout client 31s") && plan.haproxy.contains("timeout server 31s"))
        #expect(plan.nginx.contains("proxy_read_timeout 31s;"))
        #expect(plan.traefik.contains("responseHeaderTimeout: 31s"))
        #expect(plan.haproxy.contains("uri /up ") && plan.traefik.contains("path: /up"))
        #expect(plan.nginx.contains("client_max_body_size 4096;"))
        // Shorter than the servers', so that no request meets a connection that is being closed.
        #expect(plan.nginx.contains("keepalive_timeout 74s;") && plan.haproxy.contains("pool-purge-delay 74s"))
    }

    @Test(arguments: [
        "", "n001", "n001=", "n001=host", "n001=host:", "n001=host:0", "n001=host:65536", "n001=:3000", "n01=host:1",
        "n0001=host:1", "n00ä=host:1", "n001=ho st:1", "n001=host;:1", "n001=host\n:1", "n001=\"host:1", "n001=$host:1",
        "n001=ho{st:1", "n001=host:-1", "n001=host:1x",
    ])
    func whatIsNoNode(text: String) {
        #expect(ProxyPlan.Node(text) == nil)
    }

    @Test func nodesAreRead() throws {
        let node = try #require(ProxyPlan.Node("a-_Z=[::1]:3000"))
        #expect((node.tag, node.host, node.port) == ("a-_Z", "::1", 3_000))
        #expect(node.address == "[::1]:3000")
        #expect(ProxyPlan.Node("n001=node-1.example.org:80")?.address == "node-1.example.org:80")
    }

    @Test func theCommandPrintsAndRefuses() async throws {
        let good = try RunningProcess.server(["proxy-config", "haproxy"] + Self.nodes.flatMap { ["--node", $0] })
        #expect(try await good.exitCode() == 0)
        #expect(good.output == (try Self.plan().haproxy))
        let file = try TemporaryFile("pingIntervalMs: 10000\npingTimeoutMs: 5000\n")
        let configured = try RunningProcess.server(
            ["proxy-config", "nginx", "--node", "n001=a:1", "--config", file.path, "--listen", "10.0.0.1:80"])
        #expect(try await configured.exitCode() == 0)
        #expect(configured.output.contains("proxy_read_timeout 30s;"))
        #expect(configured.output.contains("listen 10.0.0.1:80;"))
        for arguments in [
            [], ["haproxy"], ["apache", "--node", "n001=a:1"], ["haproxy", "--node", "x"],
            ["haproxy", "--node", "n001=a:1", "--node", "n001=b:1"],
            ["haproxy", "--node", "n001=a:1", "--listen", "8080"],
            ["traefik", "--node", "n001=a:1", "--sticky", "source"],
            ["nginx", "--node", "n001=a:1", "--sticky", "hash"],
        ] {
            let bad = try RunningProcess.server(["proxy-config"] + arguments)
            #expect(try await bad.exitCode() == 64, "\(arguments): \(bad.output)")
        }
        let wrong = try RunningProcess.server(["proxy-config", "nginx", "--node", "n001=a:1", "--config", "/nowhere"])
        #expect(try await wrong.exitCode() == 78)
    }
}
