// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser

/// `connect`: connections come and go.
struct ConnectCommand: ScenarioCommand {
    static let configuration = CommandConfiguration(
        commandName: "connect", abstract: "Clients connect, say goodbye and connect again.",
        discussion: """
            One connect is everything up to the answered CONNECT packet of the namespace, and the orderly end after it.

            EXAMPLES
              socketio-load connect -c 50                          50 at a time, as fast as the server takes them
              socketio-load connect -c 500 --rate 1000             1,000 per second, latency from the planned time
              socketio-load connect --transport upgrade            as official clients do by default
            """,
        aliases: ["churn"])

    @Option(name: .shortAndLong, help: "Clients at a time.")
    var connections = 50

    @Option(help: "Connects per second; without it as fast as the server takes them.")
    var rate: Double?

    @Option(help: "websocket, polling, or upgrade from one to the other.")
    var transport = LoadTransport.websocket

    @OptionGroup var run: RunOptions

    func plan() throws -> LoadPlan {
        var part = LoadPart(name: "connect", work: .connect, transport: transport, connections: connections)
        part.rate = rate
        return try run.plan(mode: "connect", parts: [part])
    }
}

/// `idle`: what a connection costs that does nothing.
struct IdleCommand: ScenarioCommand {
    static let configuration = CommandConfiguration(
        commandName: "idle", abstract: "Clients stay connected and do nothing; the server's memory is measured.",
        discussion: """
            The first tenth of the clients makes the server allocate what it needs once; the growth by the others, divided \
            by their number, is the memory of one connection. Start the server anew before: memory freed earlier is used again.

            EXAMPLE
              socketio-load idle -c 10000 --duration 5s
            """)

    @Option(name: .shortAndLong, help: "Clients.")
    var connections = 5000

    @Option(help: "websocket, polling, or upgrade from one to the other.")
    var transport = LoadTransport.websocket

    @OptionGroup var run: RunOptions

    func plan() throws -> LoadPlan {
        let part = LoadPart(name: "idle", work: .idle, transport: transport, connections: connections)
        return try run.plan(mode: "idle", parts: [part])
    }
}

/// `mixed`: a bit of everything, at fixed rates.
struct MixedCommand: ScenarioCommand {
    static let configuration = CommandConfiguration(
        commandName: "mixed", abstract: "Echo, rooms, long-polling and connects at the same time, each at its rate.",
        discussion: """
            A rate of 0 leaves a kind out.

            EXAMPLE
              socketio-load mixed --echo-rate 2000 --room-rate 500 --polling-rate 200 --connect-rate 50
            """)

    @Option(help: "Clients that echo over WebSocket.")
    var echoConnections = 500

    @Option(help: "Their events per second.")
    var echoRate = 1000.0

    @Option(help: "Rooms.")
    var rooms = 50

    @Option(help: "Members of each room; all publish.")
    var members = 10

    @Option(help: "Messages per second into all rooms together.")
    var roomRate = 200.0

    @Option(help: "Clients that echo over long-polling.")
    var pollingConnections = 50

    @Option(help: "Their events per second.")
    var pollingRate = 100.0

    @Option(help: "Connects per second over long-polling with upgrade.")
    var connectRate = 20.0

    @Option(help: "Characters of the payload, at least 32.")
    var size = 64

    @Option(help: "Name of the echo event.")
    var echoEvent = "echo"

    @OptionGroup var events: RoomEventOptions
    @OptionGroup var run: RunOptions

    func plan() throws -> LoadPlan {
        guard (1...1_000_000).contains(rooms) else { throw ValidationError("--rooms must be 1 to 1000000") }
        guard (1...1_000_000).contains(members) else { throw ValidationError("--members must be 1 to 1000000") }
        for (rate, option) in [
            (echoRate, "--echo-rate"), (roomRate, "--room-rate"), (pollingRate, "--polling-rate"),
            (connectRate, "--connect-rate"),
        ] where !(0...10_000_000).contains(rate) {
            throw ValidationError("\(option) must be 0 to 10000000")
        }
        var inRooms = LoadPart(name: "rooms", work: .publish, transport: .websocket, connections: rooms * members)
        inRooms.rooms = rooms
        inRooms.publishersPerRoom = members
        inRooms.rate = roomRate
        var echo = LoadPart(name: "echo", work: .echo, transport: .websocket, connections: echoConnections)
        echo.rate = echoRate
        var polling = LoadPart(name: "polling", work: .echo, transport: .polling, connections: pollingConnections)
        polling.rate = pollingRate
        var connect = LoadPart(
            name: "connect", work: .connect, transport: .upgrade, connections: max(10, Int(min(connectRate, 2000))))
        connect.rate = connectRate
        var parts = [echo, inRooms, polling, connect].filter { ($0.rate ?? 0) > 0 }
        guard !parts.isEmpty else { throw ValidationError("--echo-rate and all other rates are 0: nothing to do") }
        for index in parts.indices { parts[index].size = size }
        var names = events.names
        names.echo = echoEvent
        return try run.plan(mode: "mixed", parts: parts, events: names)
    }
}
