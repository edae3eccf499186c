// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// What a session asks of its transport, on its home loop. Transports call the session back directly.
protocol Transport: AnyObject {
    var name: TransportName { get }
    /// Whether packets would leave at once: a poll is held, or nothing written is still on its way to the kernel.
    var isReady: Bool { get }
    /// The window size when messages are to be compressed for this client, all of them in the same way; nil when they
    /// are sent as they are, or the transport itself sees to it.
    var windowBits: Int32? { get }
    /// What the transport itself still holds of earlier writes, in bytes.
    var bufferedBytes: Int { get }
    /// The memory that those bytes take.
    var holding: TransportHolding { get }
    /// Differs from an earlier value if data has been sent to the client in the meantime.
    var progressMark: ProgressMark { get }
    /// How many queued bytes the transport is given at once.
    var chunkBytes: Int { get }
    /// Sends the messages of a list of this tick. Only while `isReady`.
    func send(listFrom first: Int32, in queue: OutboundQueue)
    /// Sends the rest of what the shard has begun to send past this transport (``Shard/bypass(_:to:)``).
    func sendRest(_ rest: ByteBuffer)
    /// Sends what had to wait. Only while `isReady`.
    func send(_ messages: [HeldMessage])
    /// Starts an orderly close; true when the session may end at once, false when something has to happen first: the
    /// client fetches the close packet, or what waits (`hasBacklog`) has left and this is called again.
    func closeOrderly(discard: Bool, hasBacklog: Bool) -> Bool
    /// Handles no more input of the client before `deadline`. Further input usually stays in the kernel's buffer.
    func pauseInput(until deadline: NIODeadline)
    /// The client sent a close packet; the session ends next.
    func peerSentClose()
    /// The session has ended or moved on; what is still open is closed politely, or at once when `isBroken`.
    func end(isBroken: Bool)
}

/// The memory of the data that a transport could not send yet.
enum TransportHolding {
    /// The messages that the transport was given and that other sessions may share.
    case messages
    /// Bytes of its own.
    case copies
    /// Only the bytes that it counts itself.
    case nothing
}
