// Part of socketio-server, MIT licence; see LICENSE.

/// One Socket.IO client: which connections it has and how far it has come.
final class LoadClient {
    enum State {
        /// Not connected.
        case idle
        /// Until the CONNECT packet is answered and, on `upgrade`, the WebSocket is in use.
        case opening
        /// Until the room is acknowledged.
        case joining
        case ready
        /// Has said goodbye and waits for the server to close.
        case closing
        /// Was refused or cut off.
        case failed
    }

    enum Upgrade {
        case none
        /// `2probe` is sent or about to be.
        case probing
        /// `3probe` has come; the held poll must return before `5` may leave.
        case pausing
    }

    /// Number among all clients of its part.
    let number: Int
    let target: Int
    let room: Int
    unowned(unsafe) let part: PartWorker
    /// First slot of its checks.
    @exclusivity(unchecked) var checks = 0
    /// What it sends, shared by the senders of a room.
    var message: OutgoingMessage?
    /// Number as a sender, nil for one that only listens.
    var sender: Int?

    @exclusivity(unchecked) var state = State.idle
    @exclusivity(unchecked) var socket: Stream?
    var poll: Stream?
    var post: Stream?
    /// Known with the handshake.
    var sessionID = ""
    /// Made with it.
    var requests: PollingRequests?
    var upgrade = Upgrade.none
    var pollIsHeld = false
    /// Packets for the next POST, separated by 0x1e.
    var waiting: [UInt8] = []
    /// Whether a POST is on its way.
    var isPosting = false
    /// Its body, kept until it is answered.
    var posting: [UInt8] = []
    var fragments: [UInt8] = []
    /// Begin of the current attempt to connect, or of its turn in a fixed rate.
    var began: UInt64 = 0
    var deadline: UInt64 = .max
    @exclusivity(unchecked) var nextSequence: UInt32 = 0
    @exclusivity(unchecked) var inFlight = 0

    init(number: Int, target: Int, room: Int, part: PartWorker) {
        self.number = number
        self.target = target
        self.room = room
        self.part = part
    }

    /// Uses frames rather than requests for what it sends now.
    var isOnWebSocket: Bool { socket?.role == .webSocket && upgrade == .none }
}
