// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import LoopConfinement
internal import NIOCore

/// A session's WebSocket: after the upgrade the only handler in the pipeline beside TLS (decisions 4).
///
///     bytes ─▶ WholeMessageReader, or MessageAssembler ─▶ SessionCore          frames of a tick ─▶ one write
///
/// Normally connection and session share an event loop and everything is a direct call. A connection that could not be
/// moved to the session's loop (TLS) stays on its own and hops: inbound once per read, outbound once per tick, with at
/// most one outbound batch under way.
///
/// What a plaintext connection sends goes straight to its socket while NIO holds nothing for it (``DirectSocket``); as long as
/// that stays so, the shard does it without asking (``isBypassed``).
///
/// The proof for `@unchecked Sendable`: with one event loop, as nearly always, it is confined to that. With two, each field belongs to
/// one of them: those under "home" to the session's, the others to the connection's. Calls from one to the other go through `onHome`
/// and `onConnection`, or take a batch along (``InboundHop``); what the bypass changes (`didSet`) finds `isBypassed` false,
/// which is never set with two loops.
final class WebSocketTransport: ChannelDuplexHandler, Transport, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum State {
        case open
        /// Our close frame has been sent; the rest of the input is read and dropped.
        case closing
        case closed
    }

    /// How long the peer may take to answer a close frame.
    static let closeTimeout = TimeAmount.seconds(1)
    /// Inbound bytes that may be on their way to the home loop before reading pauses.
    static let hopWindow = 256 * 1024

    /// Where the session lives.
    let shard: LoopReference<ShardCore>
    let limits: WebSocketLimits
    /// Connection and session share an event loop.
    var isLocal: Bool { hop == nil }
    /// For a connection on another loop than its session.
    let hop: InboundHop?
    /// The window size agreed on; nil without compression.
    let deflateWindowBits: Int32?
    let dialect: ClientDialect

    // Connection.
    var context: ChannelHandlerContext?
    /// Of the connection's loop, for one read and as long as that leaves something unfinished in `assembler`.
    let assemblerPool: AssemblerPool
    var assembler: SharedAssembler?
    var state = State.open {
        didSet { if state != .open { endBypass() } }
    }
    /// A read is being looked at.
    var isAssembling = false
    var hasUnflushedPongs = false
    /// The connection has ended, and its earlier input is still being handled.
    var isFinishing = false
    /// Something was written through NIO since it was last seen to hold nothing, as it is when HTTP gives the connection away.
    var mayHoldBytes = false {
        didSet { if mayHoldBytes { endBypass() } }
    }
    /// Only for plaintext connections on the home loop: what TLS has not seen must not leave.
    var socket: DirectSocket? {
        didSet { if socket == nil { endBypass() } }
    }
    /// Whether the shard sends to the socket past this transport. That ends with each of the conditions that made it
    /// possible: all of them are properties here that say so when they change.
    ///
    /// It also ends in time when the channel closes. NIO closes the descriptor and tells `channelInactive` within one
    /// call. In between it calls, in this order, those who wait for a write, `errorCaught` when the selector fails, and who
    /// has given a promise to `close`. Of the first there are none, as NIO holds no bytes (an empty write is not seen by
    /// that, but `tellWhenDrained` hears of success only); `errorCaught` comes here first, and ends this before the session
    /// hears of it; and nobody who closes a channel of sessions may send from the promise of that: `closeFuture` is the
    /// place, which comes after `channelInactive`. So no tick can end there, no session is flushed, and nothing is sent to
    /// a later connection with the same descriptor.
    private var isBypassed = false
    /// What the channel reads into, if it shares that with others.
    let receiveBuffer: ReceiveBufferPool?
    var closeTimer: CloseTimer?
    var start: UpgradeHandover?

    // Home.
    var session: SessionCore?
    var isReady = true {
        didSet { if !isReady { endBypass() } }
    }
    var hoppedBytes = 0
    /// Input that has been read but not handled yet; usually nil.
    var held: HeldInput?

    /// - Parameters:
    ///   - shard: where the session lives.
    ///   - eventLoop: the connection's loop.
    ///   - dialect: how the client wants binary data.
    ///   - deflate: what was agreed on about compression.
    ///   - assembler: of the connection's loop.
    ///   - receiveBuffer: what the channel reads into, if it shares that with others.
    ///   - start: the answer to the request, and who waits for the transport.
    init(
        shard: LoopReference<ShardCore>, eventLoop: any EventLoop, limits: WebSocketLimits, dialect: ClientDialect,
        deflate: DeflateAgreement?, assembler: AssemblerPool, receiveBuffer: ReceiveBufferPool?, start: UpgradeHandover
    ) {
        self.start = start
        self.shard = shard
        self.hop = shard.home.eventLoop === eventLoop ? nil : InboundHop(eventLoop: eventLoop)
        self.dialect = dialect
        self.deflateWindowBits = deflate?.windowBits
        self.limits = limits
        self.assemblerPool = assembler
        self.receiveBuffer = receiveBuffer
    }

    // MARK: Home

    var name: TransportName { .websocket }

    /// What is changed for each client on its own is compressed after that.
    var windowBits: Int32? { dialect.convertsBinary ? nil : deflateWindowBits }

    /// From now on packets go to `session`.
    func attach(to session: SessionCore) { self.session = session }

    var bufferedBytes: Int {
        if isReady { return 0 }
        return isLocal ? channelBufferedBytes : hoppedBytes
    }

    /// Data encoded by TLS, or changed for this client, is memory of this connection alone.
    var holding: TransportHolding { socket == nil || dialect.convertsBinary ? .copies : .messages }

    /// A small amount, since data passed to NIO can be neither dropped nor replaced.
    var chunkBytes: Int { 64 * 1024 }

    var progressMark: ProgressMark {
        let unacknowledged =
            hop?.unacknowledgedBytes ?? DirectSocket.unacknowledgedBytes(of: (socket ?? ownSocket)?.descriptor ?? -1)
        return ProgressMark(unwritten: bufferedBytes, unacknowledged: unacknowledged)
    }

    /// The socket, also of a TLS connection.
    private var ownSocket: DirectSocket? { context.flatMap { DirectSocket($0.channel) } }

    func beginBypass(_ descriptor: CInt) {
        // A session that counts for an observer is asked each time, or it would miss messages.
        guard let session, session.meter == nil else { return }
        isBypassed = true
        session.shard.bypass(session, to: descriptor)
    }

    private func endBypass() {
        guard isBypassed else { return }
        isBypassed = false
        if let session { session.shard.endBypass(session) }
    }

    /// Answers the probe of a candidate, ahead of any session traffic.
    func sendProbeAnswer() {
        onConnection { transport in
            guard transport.state == .open, let context = transport.context else { return }
            transport.mayHoldBytes = true
            context.writeAndFlush(transport.wrapOutboundOut(OutboundPacket.pongProbe.frame), promise: nil)
        }
    }

    /// Waits for what is on its way as well: the close frame would queue behind it, and its time-out would cut it off.
    func closeOrderly(discard: Bool, hasBacklog: Bool) -> Bool { discard || (isReady && !hasBacklog) }

    func peerSentClose() {}

    func end(isBroken: Bool) {
        endBypass()
        session = nil
        isReady = false
        forgetHeld()
        onConnection { $0.close(isBroken: isBroken) }
    }
}
