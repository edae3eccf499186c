// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import LoopConfinement
internal import NIOCore
internal import NIOHTTP1

/// A session's long-polling: at most one held GET and one arriving POST (protocol 1.8). On the session's home loop. What every
/// request touches is not checked for overlapping access: the machine calls nothing back, the others are read and replaced.
final class PollingTransport: Transport, LoopResident {
    let shard: ShardCore
    let context: EngineContext
    @exclusivity(unchecked) private(set) var session: SessionCore?
    @exclusivity(unchecked) var machine = PollingStateMachine()
    @exclusivity(unchecked) private var poll: HTTPExchange?
    @exclusivity(unchecked) var post: HTTPExchange?
    /// A POST with packets that have not been handled yet; usually nil.
    var held: HeldPost?
    /// While the session is paused.
    var pause: InputPause?
    /// Larger memory is not kept for the next body.
    private static let keptBody = 64 * 1024
    /// The first answer carries the cookie and the initial headers.
    private var isFirstAnswer = true
    /// Responses that the kernel has not accepted completely, except those with small bodies.
    private var unsentAnswers: [Int: (body: HeldBytes, probe: AnswerProbe)] = [:]
    private var nextAnswer = 0
    /// The connection of the last of them.
    private var probe: AnswerProbe?
    /// Bodies of at least this size are tracked until they have been sent.
    private static let trackedBody = 16 * 1024

    let dialect: ClientDialect

    init(shard: ShardCore, context: EngineContext, dialect: ClientDialect = .usual) {
        self.dialect = dialect
        self.shard = shard
        self.context = context
    }

    var home: ShardInbox { shard.home }

    func attach(to session: SessionCore) { self.session = session }

    // MARK: What the session asks

    var name: TransportName { .polling }
    var windowBits: Int32? { nil }

    var isReady: Bool { machine.isWritable }

    var bufferedBytes: Int { unsentAnswers.isEmpty ? 0 : unsentAnswers.values.reduce(0) { $0 + $1.body.bytes } }

    var holding: TransportHolding { .nothing }

    /// The size of one response. The client polls again for the rest, so queued messages can still be dropped or
    /// replaced.
    var chunkBytes: Int { 1024 * 1024 }

    var progressMark: ProgressMark {
        ProgressMark(unwritten: bufferedBytes, unacknowledged: probe?.unacknowledgedBytes ?? 0)
    }

    func send(listFrom first: Int32, in queue: OutboundQueue) {
        guard machine.flushRequested(), let exchange = takePoll() else { return }
        if dialect.hasOwnPayloads {
            var messages: [OutboundMessage] = []
            queue.forEachMessage(from: first, windowBits: nil) { messages.append($0) }
            return respondInRevision3(to: exchange, messages)
        }
        if let shared = queue.sharedPollingBody(listFrom: first, minimum: sharingMinimum) {
            return respond(to: exchange, shared)
        }
        var body = takeBody()
        let mayCompress = queue.append(listFrom: first, toPollingBody: &body)
        respond(to: exchange, body, mayCompress: mayCompress)
    }

    /// Nothing is ever sent past a polling transport.
    func sendRest(_ rest: ByteBuffer) {}

    func send(_ messages: [HeldMessage]) {
        guard machine.flushRequested() else { return }
        answerHeldPoll(messages)
    }

    /// What waits leaves first, with a poll of its own; the close packet comes with the next one, as from Node. With both
    /// in one payload the official client would end at the close packet, before it has looked at a DISCONNECT, and
    /// reconnect by itself.
    func closeOrderly(discard: Bool, hasBacklog: Bool) -> Bool {
        guard discard || !hasBacklog else { return false }
        let action = machine.closeRequested(discard: discard)
        perform(action)
        return action.isFinished
    }

    func peerSentClose() {
        if machine.closePacketReceived() { answerHeldPoll([], trailer: [.noop]) }
    }

    func end(isBroken: Bool) {
        perform(machine.closed())
        session = nil
        forgetHeld()
        // Otherwise unread responses would stay in memory until the send time-out.
        if isBroken { for answer in unsentAnswers.values { answer.probe.cut() } }
    }

    /// The upgrade gives the client its held poll back.
    func releasePoll() {
        if machine.noopRequested() { answerHeldPoll([], trailer: [.noop]) }
    }

    private func perform(_ action: PollingStateMachine.CloseAction) {
        if let answer = action.poll, let exchange = takePoll() { self.answer(exchange, with: answer) }
        if action.refusesPost {
            post?.respond(HTTPServerResponse(status: .badRequest, closeConnection: true))
            post = nil
        }
    }

    // MARK: GET

    /// A poll has arrived. The request has been verified.
    func pollReceived(_ exchange: HTTPExchange) {
        switch machine.pollReceived(hasPendingPackets: session?.hasBacklog ?? false) {
        case .hold:
            poll = exchange
            exchange.onAbort { [polling = LoopReference(self)] in polling.run { $0.pollAborted(exchange) } }
            session?.transportReady(self)
        case .answer(let answer):
            self.answer(exchange, with: answer)
            guard let session else { return }
            if answer == .packets {
                session.transportReady(self)
            } else {
                session.finish(session.machine.transportFinished())
            }
        case .refuseOverlap:
            exchange.respond(HTTPServerResponse(status: .badRequest))
            session?.transportFailed(self, detail: PollingStateMachine.pollOverlapDetail)
        case .refuseClosed:
            exchange.respond(.refusal(.unknownSID))
        }
    }

    private func pollAborted(_ exchange: HTTPExchange) {
        guard poll === exchange, machine.pollAborted() else { return }
        poll = nil
        session?.transportFailed(self, detail: PollingStateMachine.pollAbortedDetail)
    }

    private func takePoll() -> HTTPExchange? {
        defer { poll = nil }
        return poll
    }

    private func answerHeldPoll(_ messages: [HeldMessage], trailer: [OutboundPacket] = []) {
        guard let exchange = takePoll() else { return }
        respond(to: exchange, messages, trailer: trailer)
    }

    private func answer(_ exchange: HTTPExchange, with answer: PollingStateMachine.PollAnswer) {
        switch answer {
        case .packets:
            if !respondWithFew(to: exchange) { respond(to: exchange, session?.takeForPoll() ?? []) }
        case .packetsThenClose: respond(to: exchange, session?.takeForPoll() ?? [], trailer: [.close])
        case .noopThenClose: respond(to: exchange, [], trailer: [.noop, .close])
        case .close: respond(to: exchange, [], trailer: [.close])
        case .noop: respond(to: exchange, [], trailer: [.noop])
        }
    }

    /// Answers with all that waits when that is too little to be shared; false when it is more.
    private func respondWithFew(to exchange: HTTPExchange) -> Bool {
        guard let session, !dialect.hasOwnPayloads else { return false }
        var body = takeBody()
        var mayCompress = false
        let isAll = session.takeForPoll(below: sharingMinimum) { held in
            PollingPayloadEncoder.append(held.message, to: &body)
            mayCompress = mayCompress || held.message.compress
        }
        guard isAll else {
            shard.pollingBody.put(body, keeping: Self.keptBody)
            return false
        }
        respond(to: exchange, body, mayCompress: mayCompress)
        return true
    }

    private func respond(
        to exchange: HTTPExchange, _ messages: [HeldMessage], trailer: [OutboundPacket] = []
    ) {
        if dialect.hasOwnPayloads {
            return respondInRevision3(to: exchange, messages.map(\.message), trailer: trailer)
        }
        if trailer.isEmpty, let shared = shard.sharedAnswer(of: messages, minimum: sharingMinimum) {
            return respond(to: exchange, shared)
        }
        var body = takeBody()
        for held in messages { PollingPayloadEncoder.append(held.message, to: &body) }
        for packet in trailer { PollingPayloadEncoder.append(packet, to: &body) }
        respond(to: exchange, body, mayCompress: messages.contains(where: \.message.compress))
    }

    /// Bodies of at least this size are looked up among those built already.
    private var sharingMinimum: Int {
        min(context.configuration.httpCompression?.threshold ?? Self.trackedBody, Self.trackedBody)
    }

    private func respond(to exchange: HTTPExchange, _ shared: PollingBody) {
        if let compression = context.configuration.httpCompression,
            shared.plain.readableBytes >= compression.threshold, let coding = coding(for: exchange.request),
            let packed = shared.packed(coding, level: compression.level, by: shard.bodyCompressor)
        {
            let tracker = track(packed) { shared.held(coding, in: self.context.budget) }
            return send(.poll, packed, coding: coding, tracker: tracker, to: exchange)
        }
        let tracker = track(shared.plain) { shared.held(nil, in: self.context.budget) }
        send(.poll, shared.plain, tracker: tracker, to: exchange)
    }

    /// Counts a body until it has been sent, unless it is small.
    private func track(_ body: ByteBuffer, holding: () -> HeldBytes) -> AnswerTracker? {
        guard body.readableBytes >= Self.trackedBody else { return nil }
        let number = nextAnswer
        nextAnswer &+= 1
        let probe = AnswerProbe()
        unsentAnswers[number] = (holding(), probe)
        self.probe = probe
        return AnswerTracker(probe: probe) { [polling = LoopReference(self)] in polling.run { $0.answerLeft(number) } }
    }

    private func answerLeft(_ number: Int) {
        unsentAnswers[number] = nil
        session?.answerLeft(self)
    }

    private func respond(to exchange: HTTPExchange, _ body: ByteBuffer, mayCompress: Bool) {
        defer { shard.pollingBody.put(body, keeping: Self.keptBody) }
        respond(to: exchange, .poll, body, mayCompress: mayCompress)
    }

    func respond(to exchange: HTTPExchange, _ kind: PollingHeaders, _ body: ByteBuffer, mayCompress: Bool) {
        if mayCompress, let compression = context.configuration.httpCompression,
            body.readableBytes >= compression.threshold, let coding = coding(for: exchange.request),
            let compressed = shard.bodyCompressor.compress(body, coding: coding, level: compression.level)
        {
            let tracker = track(compressed) { HeldBytes(compressed.memoryBytes, in: self.context.budget) }
            return send(kind, compressed, coding: coding, tracker: tracker, to: exchange)
        }
        let tracker = track(body) { HeldBytes(body.memoryBytes, in: self.context.budget) }
        send(kind, body, tracker: tracker, to: exchange)
    }

    /// Memory of the loop for the body of an answer.
    private func takeBody() -> ByteBuffer { shard.pollingBody.take(minimumCapacity: 512) }

    private func coding(for request: HTTPServerRequest) -> ContentCoding? {
        BodyCompression.choose(acceptEncoding: request.headers.first(name: "Accept-Encoding"))
    }

    // MARK: Answers

    /// Adds what every engine response has: the rule for old browsers, the handshake's cookie, the header hooks.
    func send(
        _ kind: PollingHeaders, _ body: ByteBuffer, coding: ContentCoding? = nil, tracker: AnswerTracker? = nil,
        to exchange: HTTPExchange
    ) {
        var response = HTTPServerResponse(status: .ok, body: body)
        response.tracker = tracker
        // Hooks may change every header, so for them it takes them all one by one.
        if context.hasHeaderHooks { response.headers = kind.fields } else { response.fixedLines = kind.lines }
        if let coding {
            response.headers.add(name: "Content-Encoding", value: coding.rawValue)
            response.headers.add(name: "Vary", value: "Accept-Encoding")
        }
        PollingHeaders.addScriptProtection(to: &response.headers, for: exchange.request)
        let isFirst = isFirstAnswer
        isFirstAnswer = false
        context.decorate(&response.headers, request: exchange.request, handshakeOf: isFirst ? session?.id : nil)
        exchange.respond(response)
    }
}
