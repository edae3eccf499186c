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
    /// What those bytes are in memory.
    var holding: TransportHolding { get }
    /// Differs from an earlier one when something has left for the client meanwhile.
    var progressMark: ProgressMark { get }
    /// How many bytes of what has waited it is given at once.
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
    /// Looks at nothing more of the client before `deadline`; what comes waits, mostly where the kernel has it.
    func pauseInput(until deadline: NIODeadline)
    /// The client sent a close packet; the session ends next.
    func peerSentClose()
    /// The session has ended or moved on; what is still open is closed politely, or at once when `isBroken`.
    func end(isBroken: Bool)
}

/// What a transport keeps in memory of what it could not send yet.
enum TransportHolding {
    /// The messages it was given, which other sessions may share.
    case messages
    /// Bytes of its own.
    case copies
    /// Nothing but what it counts itself.
    case nothing
}
