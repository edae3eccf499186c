// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import NIOCore
internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// A real balancer with the configuration that `proxy-config` prints, in front of three real nodes.
@Suite struct BalancerTests {
    enum Product: CaseIterable {
        case haproxy
        case nginx
    }

    /// Three nodes and a balancer; they end with the value.
    final class Cluster: Sendable {
        let nodes: [String: RunningProcess]
        let balancer: RunningProcess
        let port: Int
        private let folder = BalancerFolder()

        init(_ product: Product, _ sticky: ProxyPlan.Stickiness, _ flags: [String] = []) async throws {
            var nodes: [String: RunningProcess] = [:]
            var places: [String] = []
            for tag in ["n001", "n002", "n003"] {
                let node = try RunningProcess.server(
                    [
                        "--host", "127.0.0.1", "--port", "0", "--event-loops", "1", "--node-tag", tag,
                        "--trusted-proxies", "127.0.0.1",
                    ] + flags)
                nodes[tag] = node
                places.append("\(tag)=127.0.0.1:\(try await node.port())")
            }
            self.nodes = nodes
            (balancer, port) = try await BalancerProcess.start(answering: "/readyz") { [folder] port in
                try Self.start(
                    product, in: folder.make(),
                    try ProxyConfigTests.plan(places, listen: "127.0.0.1:\(port)", sticky: sticky))
            }
        }

        private static func start(_ product: Product, in folder: URL, _ plan: ProxyPlan) throws -> RunningProcess {
            let file = folder.appendingPathComponent("configuration").path
            switch product {
            case .haproxy:
                try plan.haproxy.write(toFile: file, atomically: true, encoding: .utf8)
                return try RunningProcess("/usr/sbin/haproxy", ["-db", "-f", file])
            case .nginx:
                try plan.nginx.write(toFile: file, atomically: true, encoding: .utf8)
                // One process, so that ending it leaves none behind.
                return try RunningProcess(
                    "/usr/sbin/nginx",
                    ["-c", file, "-g", "daemon off; master_process off; pid \(folder.path)/pid;"])
            }
        }

        func person(_ number: Int, transport: TestTransport) async throws -> Person {
            let client = try await SocketTestClient.connect(
                to: ServerAddress(port: port), transport: transport, keepsCookies: true)
            let socket = try await client.join(auth: ["name": .string("person \(number)")], within: .seconds(30))
            return Person(number: number, client: client, socket: socket)
        }
    }

    struct Person: Sendable {
        let number: Int
        let client: SocketTestClient
        let socket: TestSocket

        /// The node of its session.
        var tag: String { String(client.engine.handshake.sid.prefix(4)) }
    }

    static let messages = 5

    /// Everybody joins one room, says something there, and hears each of the others on the same node, in order.
    private static func talk(_ people: [Person]) async throws {
        var key = ""
        for person in people {
            let place = try await person.socket.emitWithAck("join", "lobby", within: .seconds(30))
            key = try #require(place.first?["key"]?.string)
        }
        let room = TestValue.string(key)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for person in people {
                group.addTask {
                    for number in 0..<messages {
                        let text = TestValue.string("\(person.number) \(number)")
                        let answer = try await person.socket.emitWithAck("message", room, text, within: .seconds(30))
                        #expect(answer.first?["id"]?.string != nil, "\(answer)")
                    }
                }
            }
            try await group.waitForAll()
        }
        for person in people {
            let others = people.filter { $0.tag == person.tag && $0.number != person.number }
            var heard: [Int: [Int]] = [:]
            for _ in 0..<(others.count * messages) {
                let event = try await person.socket.next("message", within: .seconds(30))
                let words = event.arguments.first?["text"]?.string?.split(separator: " ").compactMap { Int($0) } ?? []
                #expect(words.count == 2)
                if words.count == 2 { heard[words[0], default: []].append(words[1]) }
            }
            #expect(heard.keys.sorted() == others.map(\.number).sorted())
            for texts in heard.values { #expect(texts == Array(0..<messages)) }
            #expect(!person.socket.events.takeAll().contains { $0.name == "message" })
        }
    }

    @Test(.timeLimit(.minutes(4)), arguments: Product.allCases, ProxyPlan.Stickiness.allCases)
    func sixteenPollingSessionsLive(product: Product, sticky: ProxyPlan.Stickiness) async throws {
        let flags = sticky == .cookie ? ["--cookie-mode", "tag"] : []
        let cluster = try await Cluster(product, sticky, flags)
        var people: [Person] = []
        for number in 0..<16 { people.append(try await cluster.person(number, transport: .polling)) }
        let nodes = Set(people.map(\.tag))
        // By address everybody of this machine is on one node; otherwise nobody is left out.
        #expect(sticky == .source ? nodes.count == 1 : nodes == ["n001", "n002", "n003"])
        try await Self.talk(people)
        // The upgrade finds its node as well.
        for person in people.prefix(6) {
            try await person.client.engine.upgrade()
            #expect(await person.client.engine.transportName == "websocket")
        }
        try await Self.talk(people)
        for person in people { await person.client.close() }
    }

    /// A cookie with the whole sid works as well, and the `Secure` attribute follows what the balancer says.
    @Test(.timeLimit(.minutes(4)), arguments: Product.allCases)
    func theCookieMayHoldTheSid(product: Product) async throws {
        let cluster = try await Cluster(product, .cookie, ["--cookie-mode", "sid"])
        var people: [Person] = []
        for number in 0..<4 { people.append(try await cluster.person(number, transport: .polling)) }
        try await Self.talk(people)
        let cookie = try #require(people[0].client.engine.handshakeResponse["set-cookie"])
        #expect(cookie.hasPrefix("io=\(people[0].client.engine.handshake.sid); ") && !cookie.contains("Secure"))
    }

    /// A node ends: its clients come back on the others, newcomers never see it, and nobody else notices.
    @Test(.timeLimit(.minutes(4)), arguments: Product.allCases)
    func aNodeIsDrainedBehindTheBalancer(product: Product) async throws {
        let cluster = try await Cluster(product, .sid, ["--drain-window-ms", "3000", "--shutdown-timeout-ms", "60000"])
        var people: [Person] = []
        for number in 0..<12 {
            people.append(try await cluster.person(number, transport: number % 2 == 0 ? .polling : .websocket))
        }
        let leaving = people.filter { $0.tag == "n001" }
        let staying = people.filter { $0.tag != "n001" }
        #expect(!leaving.isEmpty && !staying.isEmpty)
        let node = try #require(cluster.nodes["n001"])
        node.signal(SIGTERM)
        _ = try await node.line { $0.contains("draining") ? true : nil }
        // From now on nobody new gets there, although the balancer may not have asked for its health yet.
        for number in 100..<112 {
            let newcomer = try await cluster.person(number, transport: .polling)
            #expect(newcomer.tag != "n001")
            await newcomer.client.close()
        }
        // Those who are there are served until their turn comes, through the balancer, which knows the node is not ready.
        for person in leaving {
            while (try? await person.socket.emitWithAck("rooms", within: .seconds(30))) != nil {
                // Not in haste: after a thousand requests nginx ends a connection, which the test client would not survive.
                try await Task.sleep(for: .milliseconds(10))
            }
            let back = try await cluster.person(200 + person.number, transport: .polling)
            #expect(back.tag != "n001")
            await back.client.close()
        }
        #expect(try await node.exitCode() == 0)
        #expect(node.output.contains("closing clients=0"), "\(node.output)")
        try await Self.talk(staying)
    }
}
