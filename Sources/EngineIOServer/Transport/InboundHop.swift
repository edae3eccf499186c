// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import LoopConfinement
internal import NIOCore
internal import Synchronization

/// What a connection that lives on another loop than its session has read and not yet sent over.
///
/// Confined to the connection's loop, but for `eventLoop` and `unacknowledgedBytes`.
final class InboundHop {
    enum Event: Sendable {
        case packet(EnginePacket)
        case invalid(EnginePacketError)
        case closed(String?)
        case failed(String)
        /// The client broke a rule of WebSocket, or a limit.
        case broken(WebSocketProtocolError)
    }

    struct Batch: Sendable {
        var events: [Event]
        /// The connection waits for this batch to be processed before it reads on.
        var pausesReading: Bool
    }

    /// The connection's.
    let eventLoop: any EventLoop
    private let descriptor = Atomic<CInt>(-1)
    var events: [Event] = []
    private var bytesUnderWay = 0
    private var isPaused = false

    init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// The connection's socket; nil after it has closed.
    func note(_ socket: DirectSocket?) { descriptor.store(socket?.descriptor ?? -1, ordering: .relaxed) }

    /// As ``DirectSocket/unacknowledgedBytes(of:)``, from any thread.
    var unacknowledgedBytes: Int { DirectSocket.unacknowledgedBytes(of: descriptor.load(ordering: .relaxed)) }

    func count(_ bytes: Int) { bytesUnderWay += bytes }

    /// What has gathered; nil when there is nothing.
    func takeBatch(window: Int) -> Batch? {
        guard !events.isEmpty else { return nil }
        let pauses = !isPaused && bytesUnderWay > window
        if pauses { isPaused = true }
        let batch = Batch(events: events, pausesReading: pauses)
        events = []
        return batch
    }

    /// Everything up to the batch that paused reading has been processed.
    func acknowledged() {
        bytesUnderWay = 0
        isPaused = false
    }
}

// Between the loops.
extension WebSocketTransport {
    func onConnection(_ work: @escaping @Sendable (WebSocketTransport) -> Void) {
        guard let hop else { return work(self) }
        hop.eventLoop.execute { work(self) }
    }

    func onHome(_ work: @escaping @Sendable (WebSocketTransport) -> Void) {
        if isLocal { return work(self) }
        shard.home.run { work(self) }
    }
}
