// Part of socketio-server, MIT licence; see LICENSE.

/// How a client gets to its session.
enum LoadTransport: String, CaseIterable, Codable, Sendable {
    /// WebSocket from the start.
    case websocket
    /// Long-polling, and nothing else.
    case polling
    /// Long-polling first, then the upgrade to WebSocket, as official clients do by default.
    case upgrade
}

/// One kind of load in a run; most runs have one, `mixed` has several at the same time.
struct LoadPart: Sendable {
    enum Work: String, Codable, Sendable {
        /// Every client sends an event and waits for its acknowledgement.
        case echo
        /// Publishers send into rooms; every member of the room must get it.
        case publish
        /// Clients connect, say goodbye, and connect again.
        case connect
        /// Clients stay connected and do nothing.
        case idle
    }

    var name: String
    var work: Work
    var transport: LoadTransport
    /// Clients in all rooms together, or slots that connect again and again.
    var connections: Int
    /// Rooms of equal size; 1 unless `work` is `publish`.
    var rooms = 1
    /// Members of each room which publish.
    var publishersPerRoom = 1
    /// Messages of one sender on their way at a time; not used at a fixed rate.
    var inFlight = 1
    /// Messages, or connects, per second by all together; nil sends as fast as `inFlight` allows.
    var rate: Double?
    /// Characters of the payload.
    var size = 64

    /// Clients which get one message.
    var receivers: Int { work == .publish ? connections / rooms : 1 }

    /// Senders numbered through all rooms.
    var senders: Int {
        switch work {
        case .publish: rooms * publishersPerRoom
        case .echo, .connect: connections
        case .idle: 0
        }
    }

    /// What one delivery is called.
    var unit: String {
        switch work {
        case .echo: "echo"
        case .publish: "delivery"
        case .connect: "connect"
        case .idle: "connection"
        }
    }
}

/// The names a server application gave its events.
struct EventNames: Codable, Sendable {
    var echo = "echo"
    var join = "join"
    var publish = "msg"
    var delivery = "msg"
}

/// Everything about one run.
struct LoadPlan: Sendable {
    var mode: String
    var targets: [LoadTarget]
    var parts: [LoadPart]
    var events = EventNames()
    var namespace = "/"
    /// JSON object sent with CONNECT; empty for none.
    var auth = ""
    /// Header lines sent with every request, `Name: value`.
    var headers: [String] = []
    /// Addresses of this machine to connect from, in turns; empty leaves it to the system.
    var sources: [String] = []
    var threads = 1
    var warmUp: UInt64 = 0
    var duration: UInt64 = 1_000_000_000
    var drain: UInt64 = 10_000_000_000
    var connectTimeout: UInt64 = 30_000_000_000
    /// Rest between the last connection and the first message.
    var settle: UInt64 = 200_000_000
    /// Clients which connect at the same time.
    var connectConcurrency = 100
    var processes = ProcessChoice.automatic
    /// Tells runs apart, so that rooms of an earlier run stay out of this one.
    var tag = String(UInt32.random(in: 0...UInt32.max), radix: 36)

    var connections: Int { parts.reduce(0) { $0 + $1.connections } }
}

/// Whose CPU time and memory are measured.
enum ProcessChoice: Equatable, Sendable {
    /// The processes which listen on the targets' ports, as far as they run on this machine.
    case automatic
    case none
    case listed([Int32])
}
