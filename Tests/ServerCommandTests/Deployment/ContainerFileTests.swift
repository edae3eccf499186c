// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import Testing

@testable internal import socketio_server

/// `docker/`: what can be told without Docker.
@Suite struct ContainerFileTests {
    /// The instructions of the Dockerfile, each on one line, without comments.
    private static func instructions() throws -> [(name: String, rest: String)] {
        let lines = try shipped("docker/Dockerfile").split(separator: "\n").filter { !$0.hasPrefix("#") }
        let text = lines.joined(separator: "\n").replacing(/\\\n\s*/, with: " ")
        return text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            return words.count == 2 ? (words[0], words[1]) : nil
        }
    }

    /// Those of the last stage, which is what runs.
    private static func runtime() throws -> [(name: String, rest: String)] {
        let all = try instructions()
        let start = try #require(all.lastIndex { $0.name == "FROM" })
        return Array(all[start...])
    }

    @Test func whatIsCopiedIsThereAndSent() throws {
        let sent = try shipped(".dockerignore").split(separator: "\n").filter { $0.hasPrefix("!") }.map {
            $0.dropFirst()
        }
        for instruction in try Self.instructions() where instruction.name == "COPY" {
            let words = instruction.rest.split(separator: " ")
            if words.first?.hasPrefix("--from") == true { continue }
            for source in words.dropLast() {
                let exists = source == "Package.*" ? isShipped("Package.swift") : isShipped(String(source))
                #expect(exists, "\(source)")
                let isSent = sent.contains { source == $0 || source.hasPrefix("\($0)/") } || source == "Package.*"
                #expect(isSent, "\(source): .dockerignore keeps it back")
            }
        }
        for path in sent where path != "Package.resolved" { #expect(isShipped(String(path)), "\(path)") }
    }

    @Test func itRunsAsNobodyAndPassesSignalsOn() throws {
        let runtime = try Self.runtime()
        func value(_ name: String) -> String? { runtime.last { $0.name == name }?.rest }
        let user = try #require(value("USER")?.split(separator: ":").first.flatMap { Int($0) })
        #expect(user > 0)
        #expect(value("STOPSIGNAL") == "SIGTERM")
        // Without a shell, which would keep signals to itself.
        #expect(value("ENTRYPOINT") == #"["/usr/local/bin/socketio-server"]"#)
        #expect(value("CMD") == #"["run"]"#)
        #expect(value("HEALTHCHECK")?.hasSuffix(#"CMD ["/usr/local/bin/socketio-server", "healthcheck"]"#) == true)
        #expect(runtime.contains { $0.name == "LABEL" && $0.rest.contains("licenses=\"MIT\"") })
    }

    @Test func portsAndVariablesAreSettings() async throws {
        let runtime = try Self.runtime()
        var environment: [String: String] = [:]
        for word in runtime.filter({ $0.name == "ENV" }).flatMap({ $0.rest.split(separator: " ") }) {
            let pair = word.split(separator: "=", maxSplits: 1).map(String.init)
            environment[pair[0]] = pair[1]
        }
        // The folder is one of the image.
        environment["SOCKETIO_CLIENT_DIRECTORY"] = nil
        let settings = try await load(environment: environment).settings
        let exposed = runtime.filter { $0.name == "EXPOSE" }.flatMap { $0.rest.split(separator: " ") }.map(String.init)
        #expect(exposed == ["\(settings.port)", "\(try #require(settings.operations.port))"])
        #expect(HealthEndpoint(settings, ready: false)?.port == settings.operations.port)
    }

    /// Libraries of the system that the binary needs come from packages that are installed.
    @Test func librariesOfTheBinaryAreInstalled() throws {
        let packages = try #require(try Self.runtime().first { $0.name == "RUN" }?.rest)
        let linked = try RunningProcess.run("/usr/bin/ldd", [BuiltProduct.path("socketio-server")]).output
        // The C library itself is in every image, and Swift's are linked statically there.
        let included = [
            "libc.so", "libm.so", "libgcc_s.so", "linux-vdso", "/lib64/ld-", "ld-linux", "libpthread", "libdl", "librt",
            "libutil",
        ]
        let known = [
            "libhiredis.so": "libhiredis", "libsqlite3.so": "libsqlite3-0", "libz.so": "zlib1g",
            "libstdc++.so": "libstdc++6",
        ]
        for line in linked.split(separator: "\n") {
            let line = line.trimmingCharacters(in: .whitespaces)
            if included.contains(where: line.hasPrefix) || line.contains("/swift/") || line.hasPrefix("libswift") {
                continue
            }
            if ["libFoundation", "lib_Foundation", "libdispatch", "libBlocksRuntime"].contains(where: line.hasPrefix) {
                continue
            }
            let package = known.first { line.hasPrefix($0.key) }?.value
            #expect(package.map(packages.contains) == true, "\(line)")
        }
        let tools = try #require(try shipped("Package.swift").firstMatch(of: /swift-tools-version: (\d+)\.(\d+)/))
        let builder = try #require(try shipped("docker/Dockerfile").firstMatch(of: /BUILDER=swift:(\d+)\.(\d+)-/))
        #expect((Int(builder.1) ?? 0, Int(builder.2) ?? 0) >= (Int(tools.1) ?? 0, Int(tools.2) ?? 0))
    }

    static let composeFiles = [("docker/compose.yaml", "haproxy"), ("docker/compose.nginx.yaml", "nginx")]

    @Test(arguments: composeFiles)
    func theNodesOfComposeAreThoseOfTheBalancer(path: String, balancer: String) async throws {
        let services = try YAMLTree.file(path)["services"]
        var places: [String] = []
        let balancerAddress = try #require(services["balancer", "networks", "cluster", "ipv4_address"].text)
        for name in services.keys where name.hasPrefix("node") {
            let node = services[name]
            let address = try #require(node["networks", "cluster", "ipv4_address"].text)
            #expect(address.hasPrefix("172.28.0."))
            var environment = node["environment"].texts
            let settings = try await load(environment: environment).settings
            places.append("\(try #require(settings.nodeTag))=\(address):\(settings.port)")
            #expect(settings.adapter == .redis && settings.trustedProxies == [balancerAddress])
            #expect(settings.cluster.advertise == "\(address):\(settings.cluster.internalPort)")
            let patience = try #require(milliseconds(node["stop_grace_period"].text))
            #expect(patience > settings.drain.windowMs + settings.shutdownTimeoutMs)
            environment["SOCKETIO_NODE_TAG"] = nil
            #expect(node["build", "context"].text == ".." && isShipped(node["build", "dockerfile"].text ?? "-"))
            for other in node["depends_on"].keys { #expect(services.keys.contains(other)) }
        }
        #expect(places.count == 3)
        #expect(services["balancer", "depends_on"].keys == services.keys.filter { $0.hasPrefix("node") })
        // The configuration that is mounted is what is printed for these nodes.
        let volume = try #require(services["balancer", "volumes"].items.first?.text)
        let file = "docker/" + (volume.dropFirst(2).split(separator: ":").first ?? "")
        let plan = try ProxyConfigTests.plan(places)
        #expect(try shipped(file) == (balancer == "haproxy" ? plan.haproxy : plan.nginx), "\(file): run 'make docs'")
        let whole = packageRoot.appendingPathComponent(file).path
        let check =
            try balancer == "haproxy"
            ? RunningProcess.run("/usr/sbin/haproxy", ["-c", "-f", whole])
            : RunningProcess.run(
                "/usr/sbin/nginx",
                ["-t", "-c", whole, "-g", "pid \(NSTemporaryDirectory())/nginx-\(UUID().uuidString).pid;"])
        #expect(check.code == 0, "\(check.output)")
        #expect(services["balancer", "image"].text?.hasPrefix(balancer) == true)
    }

    @Test func bothComposeFilesHaveTheSameNodes() throws {
        let (first, second) = (try YAMLTree.file("docker/compose.yaml"), try YAMLTree.file("docker/compose.nginx.yaml"))
        #expect(first["services"].keys == second["services"].keys)
        for name in first["services"].keys where name != "balancer" {
            #expect(first["services", name].canonical == second["services", name].canonical)
        }
        #expect(first["networks"].canonical == second["networks"].canonical)
    }
}
