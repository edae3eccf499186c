// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import SocketIOCluster
internal import SocketIOCore
public import SocketIOServer

/// What every adapter owes, as checks that any test framework can run: those of this package, and those of other people.
///
/// ```swift
/// @Test(arguments: AdapterContract.checks(for: 3))
/// func contract(check: AdapterContract.Check) async throws {
///     let bus = MyBus()
///     try await check.run(AdapterUnderTest(servers: 3) { number, configuration in
///         configuration.adapter = try Cluster(transport: MyTransport(bus)).adapter
///     })
/// }
/// ```
///
/// A check throws a ``ContractFailure`` that says what was expected and what happened.
public enum AdapterContract {
    /// What an adapter's messages may suffer without breaking a promise.
    public enum Strain: String, Sendable, Hashable, Codable, CaseIterable {
        /// They overtake each other.
        case reordering
        /// They come twice.
        case duplication
        /// They are lost.
        case loss
        /// One server is counted and never answers.
        case silentServer
    }

    /// One promise.
    public struct Check: Sendable, CustomStringConvertible {
        /// The promise, in words.
        public let description: String
        /// Whether there is something to be kept with one server only.
        public let worksAlone: Bool
        /// Under which strain it is kept.
        public let tolerates: Set<Strain>
        /// Whether servers are killed for it, see ``AdapterUnderTest/kill``.
        public let needsKilling: Bool
        private let body: @Sendable (ContractServers) async throws -> Void

        init(
            _ description: String, alone: Bool = false, tolerates: Set<Strain> = [], needsKilling: Bool = false,
            _ body: @escaping @Sendable (ContractServers) async throws -> Void
        ) {
            self.description = description
            self.worksAlone = alone
            self.tolerates = tolerates
            self.needsKilling = needsKilling
            self.body = body
        }

        /// Starts servers with the adapter, checks, and closes them.
        ///
        /// - Throws: ``ContractFailure``; ``TestClientError`` when something did not happen in time.
        public func run(_ adapter: AdapterUnderTest) async throws {
            let servers = try await ContractServers.start(adapter)
            do {
                try await body(servers)
            } catch {
                await servers.close()
                throw error
            }
            await servers.close()
        }
    }

    /// All promises.
    public static let checks: [Check] = broadcasts + acknowledgements + sockets + serverEvents + servers

    /// The promises that mean something for so many servers, under a strain.
    public static func checks(
        for servers: Int, under strain: Set<Strain> = [], canKill: Bool = false
    ) -> [Check] {
        checks.filter { check in
            (servers > 1 || check.worksAlone) && strain.isSubset(of: check.tolerates)
                && (canKill || !check.needsKilling)
        }
    }
}

/// An adapter, and how servers with it are made.
public struct AdapterUnderTest: Sendable {
    /// How many servers there are.
    public var servers: Int
    /// Gives the configuration of a server, numbered from 0, its adapter.
    public var configure: @Sendable (_ number: Int, _ configuration: inout ServerConfiguration) throws -> Void
    /// Waits until all servers know each other. By default until each server counts all of them and, with a `ClusterAdapter`, has
    /// received their heartbeats. Called once for each namespace.
    public var waitUntilReady: @Sendable (_ servers: [Namespace]) async throws -> Void
    /// Waits until the rooms that a client has just joined are known wherever they have to be; by default nothing. For
    /// adapters with a subscription for each room. Given the servers' namespace.
    public var waitUntilJoined: @Sendable (_ servers: [Namespace]) async throws -> Void
    /// Ends a server as if its process had been killed; nil when that cannot be done.
    public var kill: (@Sendable (_ number: Int) async throws -> Void)?

    /// Servers with this adapter.
    public init(
        servers: Int,
        configure: @escaping @Sendable (_ number: Int, _ configuration: inout ServerConfiguration) throws -> Void
    ) {
        self.servers = servers
        self.configure = configure
        kill = nil
        waitUntilJoined = { _ in }
        waitUntilReady = { try await waitUntilServersKnowEachOther(count: servers, in: $0) }
    }
}

/// Waits until every adapter counts `servers` servers and its `ClusterAdapter`, if there is one inside forwarding adapters, knows
/// all others.
package func waitUntilServersKnowEachOther(count servers: Int, in namespaces: [Namespace]) async throws {
    for namespace in namespaces {
        var adapter = namespace.adapter
        while let outer = adapter as? any AdapterSPI.ForwardingAdapter { adapter = outer.base }
        let inner = adapter
        try await eventually("all servers of \(namespace.name) know each other") {
            guard (try? await namespace.adapter.serverCount()) == servers else { return false }
            guard let cluster = inner as? ClusterAdapter else { return true }
            return await cluster.knownPeers() == servers - 1
        }
    }
}

/// A promise that was not kept.
public struct ContractFailure: Error, Sendable, CustomStringConvertible {
    /// What was expected and what happened.
    public let description: String

    init(_ description: String) { self.description = description }
}

/// The servers of a check, and clients for them.
struct ContractServers: Sendable {
    /// The names of the namespaces that every server has.
    static let namespaces = ["/", "/other"]

    let all: [Server]
    let addresses: [ServerAddress]
    let adapter: AdapterUnderTest

    /// The first.
    var io: Server { all[0] }
    /// The last: another one than the first, if there are several.
    var other: Server { all[all.count - 1] }
    var count: Int { all.count }

    static func start(_ adapter: AdapterUnderTest) async throws -> ContractServers {
        var (servers, addresses): ([Server], [ServerAddress]) = ([], [])
        do {
            for number in 0..<adapter.servers {
                var configuration = ServerConfiguration()
                configuration.eventLoops = 2
                configuration.logger = Logger(label: "contract") { _ in SwiftLogNoOpLogHandler() }
                configuration.engine.logger = configuration.logger
                try adapter.configure(number, &configuration)
                let server = Server(configuration: configuration)
                servers.append(server)
                for name in namespaces { joinAsTold(server.of(name)) }
                guard let port = try await server.listen()?.port else { throw ContractFailure("no port") }
                addresses.append(ServerAddress(port: port))
            }
            for name in namespaces { try await adapter.waitUntilReady(servers.map { $0.of(name) }) }
        } catch {
            for server in servers { await server.close() }
            throw error
        }
        return ContractServers(all: servers, addresses: addresses, adapter: adapter)
    }

    /// Sockets join the rooms their `auth` names, and have it as their data.
    private static func joinAsTold(_ namespace: Namespace) {
        namespace.onConnection { socket in
            socket.join((socket.handshake.auth["rooms"]?.array ?? []).compactMap(\.string))
            socket.data = socket.handshake.auth
        }
        namespace.onConnection { socket async throws in
            guard let room = socket.handshake.auth["replay"]?.string else { return }
            let replay = try await socket.replay(room, since: start(socket.handshake.auth["since"]))
            socket.emit("replayed", replay.events, replay.isComplete, replay.position)
        }
    }

    /// Where a replay begins: at a position, so many events before the end, or at the beginning.
    private static func start(_ since: SocketValue?) -> ReplayStart {
        if let position = since?.string.flatMap({ RoomPosition($0) }) { return .position(position) }
        return since?.int.map { .last($0) } ?? .beginning
    }

    func close() async { for server in all { await server.close() } }

    /// A client of a server, in rooms.
    func client(
        _ number: Int, _ rooms: [String] = [], namespace: String = "/", auth: [String: TestValue] = [:]
    ) async throws -> TestSocket {
        let client = try await SocketTestClient.connect(to: addresses[number])
        var auth = auth
        auth["rooms"] = .array(rooms.map { .string($0) })
        let socket = try await client.join(namespace, auth: .object(auth))
        try await adapter.waitUntilJoined(all.map { $0.of(namespace) })
        return socket
    }

    /// A client of each server.
    func clients(_ rooms: [String] = []) async throws -> [TestSocket] {
        var clients: [TestSocket] = []
        for number in all.indices { clients.append(try await client(number, rooms)) }
        return clients
    }
}

/// Throws unless the two are the same.
func expect<Value: Equatable>(_ what: String, _ found: Value, is expected: Value) throws {
    guard found == expected else { throw ContractFailure("\(what): expected \(expected), found \(found)") }
}

/// Throws unless it is so.
func expect(_ what: String, _ condition: Bool) throws {
    guard condition else { throw ContractFailure("not so: \(what)") }
}

/// The error that is thrown.
func error(of what: String, _ body: () async throws -> Void) async throws -> any Error {
    do {
        try await body()
    } catch {
        return error
    }
    throw ContractFailure("\(what): expected an error")
}

extension TestSocket {
    /// The names of the events up to `end`, which is left out.
    func names(until end: String) async throws -> [String] {
        var names: [String] = []
        while case let event = try await events.next(), event.name != end { names.append(event.name) }
        return names
    }
}
