// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import NIOCore
internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// Three real nodes over a real Redis behind a real balancer that knows nothing of sessions. The same with 200 sessions and
/// the official client: Tests/EndToEndTests/node/stickiness.test.js.
@Suite(.serialized) struct RoundRobinTests {
    enum Product: CaseIterable {
        case haproxy
        case nginx
        /// HAProxy with a cookie of its own.
        case haproxyCookie

        static let withoutStickiness: [Product] = [.haproxy, .nginx]
    }

    /// Redis, three nodes and a balancer; they end with the value.
    final class Cluster: Sendable {
        let redis: RedisServer
        let nodes: [RunningProcess]
        let nodePorts: [Int]
        let operations: [Int]
        let balancer: RunningProcess
        let port: Int
        private let folder = BalancerFolder()

        init(_ product: Product, flags: [String] = []) async throws {
            redis = try RedisServer()
            try await redis.start()
            var nodes: [RunningProcess] = []
            for tag in ["n001", "n002", "n003"] {
                nodes.append(
                    try RunningProcess.server(
                        [
                            "--host", "127.0.0.1", "--port", "0", "--event-loops", "1", "--node-tag", tag,
                            "--trusted-proxies", "127.0.0.1", "--adapter", "redis", "--redis-url", redis.url,
                            "--redis-required", "--operations-port", "0", "--limits-keep-alive-timeout-ms", "75000",
                        ] + flags))
            }
            self.nodes = nodes
            var ports: [Int] = []
            var operations: [Int] = []
            for node in nodes {
                ports.append(try await node.port())
                operations.append(
                    try await node.line { $0.firstMatch(of: /opsPort=(\d+)/).flatMap { Int($0.1) } })
                _ = try await node.line { $0.contains("nodes=3") ? true : nil }
                _ = try await node.line { $0.contains("Listening for other nodes") ? true : nil }
            }
            (nodePorts, self.operations) = (ports, operations)
            (balancer, port) = try await BalancerProcess.start(answering: "/healthz") { [folder] port in
                try Self.start(product, in: folder.make(), port: port, ports)
            }
        }

        private static func start(
            _ product: Product, in folder: URL, port: Int, _ nodes: [Int]
        ) throws -> RunningProcess {
            let file = folder.appendingPathComponent("configuration").path
            switch product {
            case .haproxy, .haproxyCookie:
                let servers = nodes.enumerated().map {
                    "    server n\($0) 127.0.0.1:\($1)" + (product == .haproxy ? "" : " cookie n\($0)")
                }.joined(separator: "\n")
                let cookie = product == .haproxy ? "" : "    cookie NODE insert indirect nocache"
                try """
                global
                    maxconn 4000
                defaults
                    mode http
                    timeout connect 5s
                    timeout client 60s
                    timeout server 60s
                    timeout tunnel 1h
                    option forwardfor
                frontend all
                    bind 127.0.0.1:\(port)
                    default_backend nodes
                backend nodes
                    balance roundrobin
                \(cookie)
                \(servers)

                """.write(toFile: file, atomically: true, encoding: .utf8)
                return try RunningProcess("/usr/sbin/haproxy", ["-db", "-f", file])
            case .nginx:
                let servers = nodes.map { "server 127.0.0.1:\($0);" }.joined(separator: " ")
                try """
                worker_processes 1;
                error_log stderr warn;
                events { worker_connections 4000; }
                http {
                    access_log off;
                    client_body_temp_path \(folder.path)/body;
                    proxy_temp_path \(folder.path)/proxy;
                    fastcgi_temp_path \(folder.path)/fastcgi;
                    uwsgi_temp_path \(folder.path)/uwsgi;
                    scgi_temp_path \(folder.path)/scgi;
                    keepalive_requests 1000000;
                    map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
                    upstream nodes { \(servers) }
                    server {
                        listen 127.0.0.1:\(port);
                        location / {
                            proxy_pass http://nodes;
                            proxy_http_version 1.1;
                            proxy_read_timeout 60s;
                            proxy_next_upstream off;
                            proxy_set_header Host $http_host;
                            proxy_set_header Upgrade $http_upgrade;
                            proxy_set_header Connection $connection_upgrade;
                            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                        }
                    }
                }

                """.write(toFile: file, atomically: true, encoding: .utf8)
                return try RunningProcess(
                    "/usr/sbin/nginx", ["-c", file, "-g", "daemon off; master_process off; pid \(folder.path)/pid;"])
            }
        }

        func people(_ count: Int) async throws -> [Person] {
            var people: [Person] = []
            for number in 0..<count {
                let client = try await SocketTestClient.connect(
                    to: ServerAddress(port: port), transport: .polling, keepsCookies: true)
                let socket = try await client.join(auth: ["name": .string("person \(number)")], within: .seconds(60))
                people.append(Person(number: number, client: client, socket: socket))
            }
            return people
        }

        /// The sum of a counter over all nodes.
        func total(_ series: String) async throws -> Int {
            var sum = 0
            for port in operations {
                for line in try await ask(port, "/metrics").text.split(separator: "\n")
                where line.hasPrefix(series + " ") {
                    sum += Int(Double(line.dropFirst(series.count + 1)) ?? 0)
                }
            }
            return sum
        }
    }

    struct Person: Sendable {
        let number: Int
        let client: SocketTestClient
        let socket: TestSocket
        var tag: String { String(client.engine.handshake.sid.prefix(4)) }
    }

    /// Everybody joins one room, `speakers` say something there, and everybody hears each of the others, on all nodes,
    /// once and in order.
    private func talk(_ people: [Person], speakers: Int, messages: Int) async throws {
        var key = ""
        for person in people {
            let place = try await person.socket.emitWithAck("join", .string("lobby"), within: .seconds(60))
            key = try #require(place.first?["key"]?.string)
        }
        let place = TestValue.string(key)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for person in people.prefix(speakers) {
                group.addTask {
                    for number in 0..<messages {
                        let text = TestValue.string("\(person.number) \(number)")
                        let answer = try await person.socket.emitWithAck("message", place, text, within: .seconds(60))
                        #expect(answer.first?["id"]?.string != nil, "\(answer)")
                    }
                }
            }
            try await group.waitForAll()
        }
        for person in people {
            let others = people.prefix(speakers).filter { $0.number != person.number }.map(\.number)
            var heard: [Int: [Int]] = [:]
            for _ in 0..<(others.count * messages) {
                let event = try await person.socket.next("message", within: .seconds(60))
                let words = event.arguments.first?["text"]?.string?.split(separator: " ").compactMap { Int($0) } ?? []
                if words.count == 2 { heard[words[0], default: []].append(words[1]) }
            }
            #expect(heard.keys.sorted() == others)
            for texts in heard.values { #expect(texts == Array(0..<messages), "person \(person.number)") }
            #expect(!person.socket.events.takeAll().contains { $0.name == "message" })
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: Product.withoutStickiness)
    func sixteenPollingSessionsLive(product: Product) async throws {
        let cluster = try await Cluster(product)
        let people = try await cluster.people(16)
        #expect(Set(people.map(\.tag)) == ["n001", "n002", "n003"])
        try await talk(people, speakers: 16, messages: 3)
        #expect(try await cluster.total(#"socketio_forwarded_requests_total{result="answered"}"#) > 100)
        for result in ["failed", "unreachable", "rejected", "overloaded", "unknown_owner"] {
            #expect(try await cluster.total(#"socketio_forwarded_requests_total{result="\#(result)"}"#) == 0)
        }
        // The upgrade arrives wherever the balancer likes.
        for person in people {
            // So that the turn is not the same for all.
            for _ in 0..<(person.number % 3) { _ = try await ask(cluster.port, "/healthz") }
            try await person.client.engine.upgrade()
            #expect(await person.client.engine.transportName == "websocket")
        }
        try await talk(people, speakers: 16, messages: 3)
        #expect(try await cluster.total(#"socketio_forwarded_requests_total{result="tunnelled"}"#) > 0)
        for person in people { await person.client.close() }
        for node in cluster.nodes {
            node.signal(SIGTERM)
            #expect(try await node.exitCode() == 0)
        }
    }

    /// With a cookie of the balancer nothing has to be forwarded.
    @Test(.timeLimit(.minutes(5))) func aCookieOfTheBalancerDoesAsWell() async throws {
        let cluster = try await Cluster(.haproxyCookie)
        let people = try await cluster.people(16)
        #expect(Set(people.map(\.tag)) == ["n001", "n002", "n003"])
        try await talk(people, speakers: 16, messages: 3)
        for person in people { try await person.client.engine.upgrade() }
        try await talk(people, speakers: 16, messages: 3)
        for result in ["answered", "tunnelled", "failed"] {
            #expect(try await cluster.total(#"socketio_forwarded_requests_total{result="\#(result)"}"#) == 0)
        }
        for person in people { await person.client.engine.abort() }
    }

    /// A node is killed: its sessions are unknown, the others go on.
    @Test(.timeLimit(.minutes(5))) func aNodeIsKilled() async throws {
        let cluster = try await Cluster(.haproxy, flags: ["--redis-peer-timeout-ms", "3000"])
        let client = try await EngineTestClient.connect(to: ServerAddress(port: cluster.nodePorts[2]))
        let path = "/socket.io/?EIO=4&transport=polling&sid=\(client.handshake.sid)"
        let wire = try await HTTPTestConnection.connect(to: ServerAddress(port: cluster.nodePorts[0]))
        #expect(try await wire.request(.init("POST", path, body: Array("40".utf8)), within: .seconds(30)).status == 200)
        cluster.nodes[2].kill()
        // Before its silence is noticed, and after.
        for _ in 0..<2 {
            let answer = try await wire.request(.init("POST", path, body: Array("3".utf8)), within: .seconds(30))
            #expect(answer.status == 400 && answer.text == #"{"code":1,"message":"Session ID unknown"}"#)
            _ = try await cluster.nodes[0].line { $0.contains("a node has gone") ? true : nil }
        }
        let page = try await ask(cluster.operations[0], "/metrics").text
        #expect(page.contains(#"socketio_forwarded_requests_total{result="unknown_owner"} 1"#))
        await client.abort()
    }

    @Test(.timeLimit(.minutes(3))) func forwardingCanBeTurnedOff() async throws {
        let redis = try RedisServer()
        try await redis.start()
        let node = try RunningProcess.server(
            [
                "--host", "127.0.0.1", "--port", "0", "--adapter", "redis", "--redis-required", "--cluster-forward",
                "off",
            ], environment: ["SOCKETIO_REDIS_URL": redis.url])
        _ = try await node.port()
        node.signal(SIGTERM)
        #expect(try await node.exitCode() == 0)
        #expect(!node.output.contains("other nodes"))
    }

    @Test(.timeLimit(.minutes(3))) func anAddressThatCannotBeHadIsNamed() async throws {
        let redis = try RedisServer()
        try await redis.start()
        let node = try RunningProcess.server(
            [
                "--host", "127.0.0.1", "--port", "0", "--adapter", "redis", "--cluster-internal-host", "192.0.2.1",
            ], environment: ["SOCKETIO_REDIS_URL": redis.url])
        #expect(try await node.exitCode() == 1)
        #expect(node.output.contains("no listener for other nodes (cluster.internalHost"))
        #expect(node.output.contains("cannot listen on 192.0.2.1:0: this machine does not have the address"))
    }

    @Test func theSecretIsShownNowhere() async throws {
        let loaded = try await load(environment: ["SOCKETIO_CLUSTER_SECRET": "never to be shown"])
        #expect(loaded.settings.cluster.secret == "never to be shown")
        let wrong = try await problems(
            yaml: "cluster:\n  secret: tooshort\n  advertise: nowhere\n  internalPort: 70000\n  upgradePolicy: maybe\n")
        #expect(wrong.count == 4 && !wrong.joined().contains("tooshort"), "\(wrong)")
        let flag = try await problems(flags: ["--cluster-secret", "never to be shown"])
        #expect(!flag.isEmpty && !flag.joined().contains("never"), "\(flag)")
    }
}
