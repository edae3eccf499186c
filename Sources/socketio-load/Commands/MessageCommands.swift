// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser

/// Options of modes that send messages.
struct MessageOptions: ParsableArguments {
    @Option(help: "Messages of one sender on their way at a time; the next one leaves when one has arrived everywhere.")
    var inFlight = 1

    @Option(
        help: """
            Messages per second of all senders together, at even intervals, whether the server keeps up or not. \
            Latency then counts from the time a message was to leave. Without it: as fast as --in-flight allows.
            """)
    var rate: Double?

    @Option(help: "Characters of the payload, at least 32.")
    var size = 64
}

/// `echo`: an event and its acknowledgement.
struct EchoCommand: ScenarioCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo", abstract: "Every client sends an event and awaits its acknowledgement.",
        discussion: """
            EXAMPLES
              socketio-load echo -c 1000                    one event of each client on its way
              socketio-load echo -c 1000 --in-flight 8      eight
              socketio-load echo -c 1000 --rate 20000       20,000 events per second, evenly
            """)

    @Option(name: .shortAndLong, help: "Clients.")
    var connections = 1000

    @Option(help: "websocket, polling, or upgrade from one to the other.")
    var transport = LoadTransport.websocket

    @Option(help: "Name of the event.")
    var echoEvent = "echo"

    @OptionGroup var message: MessageOptions
    @OptionGroup var run: RunOptions

    func plan() throws -> LoadPlan {
        var part = LoadPart(name: "echo", work: .echo, transport: transport, connections: connections)
        part.apply(message)
        return try run.plan(mode: "echo", parts: [part], events: EventNames(echo: echoEvent))
    }
}

/// `polling`: echo without WebSocket.
struct PollingCommand: ScenarioCommand {
    static let configuration = CommandConfiguration(
        commandName: "polling", abstract: "As echo, over HTTP long-polling.",
        discussion: """
            EXAMPLE
              socketio-load polling -c 100
            """)

    @Option(name: .shortAndLong, help: "Clients.")
    var connections = 100

    @Option(help: "Name of the event.")
    var echoEvent = "echo"

    @OptionGroup var message: MessageOptions
    @OptionGroup var run: RunOptions

    func plan() throws -> LoadPlan {
        var part = LoadPart(name: "polling", work: .echo, transport: .polling, connections: connections)
        part.apply(message)
        return try run.plan(mode: "polling", parts: [part], events: EventNames(echo: echoEvent))
    }
}

/// Names of the events of `broadcast`, `rooms` and `mixed`.
struct RoomEventOptions: ParsableArguments {
    @Option(help: "Event (room, acknowledgement) that joins a room.")
    var joinEvent = "join"

    @Option(help: "Event (room, payload) that makes the server send the payload to the room.")
    var publishEvent = "msg"

    @Option(help: "Event which the members of the room get.")
    var deliveryEvent = "msg"

    var names: EventNames { EventNames(join: joinEvent, publish: publishEvent, delivery: deliveryEvent) }
}

/// `broadcast`: one room with everybody in it.
struct BroadcastCommand: ScenarioCommand {
    static let configuration = CommandConfiguration(
        commandName: "broadcast", abstract: "All clients are in one room; a few publish, all must get everything.",
        discussion: """
            EXAMPLES
              socketio-load broadcast -c 1000                      the next one when all 1,000 have got the last one
              socketio-load broadcast -c 1000 --in-flight 64
              socketio-load broadcast -c 1000 --rate 20            20,000 deliveries per second
              socketio-load broadcast -c 2000 -t http://10.0.0.1:3000 -t http://10.0.0.2:3000
            """)

    @Option(name: .shortAndLong, help: "Clients.")
    var connections = 1000

    @Option(help: "Clients that publish.")
    var publishers = 1

    @Option(help: "websocket, polling, or upgrade from one to the other.")
    var transport = LoadTransport.websocket

    @OptionGroup var message: MessageOptions
    @OptionGroup var events: RoomEventOptions
    @OptionGroup var run: RunOptions

    func plan() throws -> LoadPlan {
        var part = LoadPart(name: "broadcast", work: .publish, transport: transport, connections: connections)
        part.publishersPerRoom = publishers
        part.apply(message)
        return try run.plan(mode: "broadcast", parts: [part], events: events.names)
    }
}

/// `rooms`: many rooms of equal size.
struct RoomsCommand: ScenarioCommand {
    static let configuration = CommandConfiguration(
        commandName: "rooms", abstract: "Many rooms; their members publish to each other.",
        discussion: """
            EXAMPLE
              socketio-load rooms --rooms 100 --members 10         all 1,000 clients publish
            """)

    @Option(help: "Rooms.")
    var rooms = 100

    @Option(help: "Members of each room.")
    var members = 10

    @Option(help: "Members of each room that publish (default: all).")
    var publishers: Int?

    @Option(help: "websocket, polling, or upgrade from one to the other.")
    var transport = LoadTransport.websocket

    @OptionGroup var message: MessageOptions
    @OptionGroup var events: RoomEventOptions
    @OptionGroup var run: RunOptions

    func plan() throws -> LoadPlan {
        guard (1...1_000_000).contains(rooms) else { throw ValidationError("--rooms must be 1 to 1000000") }
        guard (1...1_000_000).contains(members) else { throw ValidationError("--members must be 1 to 1000000") }
        var part = LoadPart(name: "rooms", work: .publish, transport: transport, connections: rooms * members)
        part.rooms = rooms
        part.publishersPerRoom = publishers ?? members
        part.apply(message)
        return try run.plan(mode: "rooms", parts: [part], events: events.names)
    }
}

extension LoadPart {
    /// Takes over what modes that send messages have in common.
    mutating func apply(_ options: MessageOptions) {
        inFlight = options.inFlight
        rate = options.rate
        size = options.size
    }
}
