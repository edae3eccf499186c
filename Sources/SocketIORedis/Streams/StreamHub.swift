// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import HiredisNIO
internal import NIOCore
internal import SocketIOCluster
internal import SocketIOCore
internal import SocketIOServer

/// Reads the streams, each over its own connection, and passes every entry to its namespace. Lives on the bus's event
/// loop.
///
///     Redis ── XREAD ──▶ a reader for each stream ──▶ by `nsp` ──▶ StreamChannel
final class StreamHub {
    /// - Parameter data: The data of the entry as the stream holds it.
    typealias Handler = (_ entry: StreamEntry, _ data: ByteBuffer, _ id: RedisStreamID) -> Void

    /// Entries of a namespace whose history is being read.
    private struct Held {
        var calls: [() -> Void] = []
        var bytes = 0
    }

    /// The messages of this node in a namespace.
    private struct Own {
        let messages: OwnMessages
        /// This node's name in the namespace.
        let node: String
        let stream: String
    }

    private let bus: RedisBusCore
    private let streams: RedisStreams
    private var readers: [any StreamReading] = []
    /// How many readers know from which entry to read.
    private var startedReaders = 0
    private var troubles: [Int: String] = [:]
    private var handlers: NameDictionary<Handler> = [:]
    private var gapHandlers: NameDictionary<() -> Void> = [:]
    private var held: NameDictionary<Held> = [:]
    /// The last entry that was read and passed on, by stream.
    private var positions: NameDictionary<RedisStreamID> = [:]
    /// Closures to run when all readers know from which entry to read.
    private var waiting: [() -> Void] = []
    /// Whether entries have arrived since the last heartbeat.
    private var hasRead = false
    private var isClosed = false
    /// The messages of this node in each ordered namespace.
    private var own: NameDictionary<Own> = [:]
    /// Streams of which entries are missing before the next ones.
    private var gaps: NameSet = []
    private var isGateOpen = false
    /// This node's name in its echoes.
    var nodeID: String?

    /// Longer names of namespaces are not looked up.
    static let maximumNameLength = 1024

    init(_ bus: RedisBusCore, _ streams: RedisStreams) {
        self.bus = bus
        self.streams = streams
        bus.hearsBySubscription = false
        isGateOpen = bus.outbox.isGateOpen
        bus.onGate = { [weak self] in self?.gateChanged(isOpen: $0) }
        bus.isListening = { [weak self] in self?.isListening ?? false }
    }

    // MARK: Life

    func start() {
        let names = StreamNames(name: streams.name, count: streams.count).all
        for (index, name) in names.enumerated() {
            var handlers = RedisStreamReader.Handlers { [weak self] in self?.received($0, of: name) }
            handlers.onStart = { [weak self] id in
                self?.positions[name] = id
                self?.readerStarted()
            }
            handlers.onGap = { [weak self] in self?.gap(in: name) }
            handlers.onTrouble = { [weak self] in self?.trouble($0, index) }
            readers.append(bus.makeReader(of: name, pageSize: streams.pageSize, handlers))
        }
        for reader in readers { reader.start() }
    }

    func close() {
        isClosed = true
        for reader in readers { reader.close() }
        readers = []
        handlers = [:]
        runWaiting()
    }

    /// Whether all streams are being read.
    private var isReady: Bool { !readers.isEmpty && startedReaders >= readers.count }
    private var isListening: Bool { isReady && !handlers.isEmpty }

    /// Runs `body` when all readers know from which entry to read, so that no entry added after that is missed.
    func whenReady(_ body: @escaping () -> Void) {
        if isReady || isClosed { body() } else { waiting.append(body) }
    }

    private func runWaiting() {
        let bodies = waiting
        waiting = []
        for body in bodies { body() }
    }

    // MARK: Namespaces

    func add(_ namespace: String, _ handler: @escaping Handler) {
        handlers[namespace] = handler
        bus.statusChanged()
    }

    /// Holds the entries of a namespace back until the earlier ones have been read.
    ///
    /// - Parameter onGap: Called when entries are missing.
    func readHistory(
        of namespace: String, in stream: String, to local: MemoryAdapter, limits: MessagePackLimits,
        onGap: @escaping () -> Void, _ done: @escaping () -> Void
    ) {
        guard let end = positions[stream], !isClosed else { return done() }
        gapHandlers[namespace] = onGap
        held[namespace] = Held()
        StreamHistory(
            bus, stream: stream, namespace: namespace, local: local, limits: limits, maxLength: streams.maxLength,
            end: end
        ) { [weak self] in
            self?.release(namespace)
            done()
        }.start()
    }

    private func release(_ namespace: String) {
        let calls = held[namespace]?.calls ?? []
        held[namespace] = nil
        for call in calls { call() }
    }

    /// Whether everything up to a position has been passed to a namespace.
    func hasDelivered(_ position: EventPosition, in namespace: String, of stream: String) -> Bool {
        guard held[namespace] == nil, own[namespace]?.messages.isWaiting != true, let read = positions[stream] else {
            return false
        }
        return EventPosition(read) >= position
    }

    /// Whether Redis can be reached, and everything that this node has delivered early has been read.
    func isSettled(_ namespace: String) -> Bool { isOpen && own[namespace]?.messages.isSettled ?? true }

    func remove(_ namespace: String) {
        own[namespace] = nil
        handlers[namespace] = nil
        gapHandlers[namespace] = nil
        held[namespace] = nil
        bus.statusChanged()
    }

    // MARK: Own messages

    /// The messages of an ordered namespace that this node writes; made at the first call.
    func ownMessages(of node: String, in namespace: String, stream: String) -> OwnMessages {
        if let found = own[namespace] { return found.messages }
        let messages = OwnMessages(isOpen: isOpen)
        own[namespace] = Own(messages: messages, node: node, stream: stream)
        return messages
    }

    /// Runs `body` when everything that this node has sent in a namespace has been delivered here.
    func whenDelivered(in namespace: String, _ body: @escaping () -> Void) {
        guard let found = own[namespace] else { return body() }
        found.messages.whenDelivered(body)
    }

    func isOwn(_ mark: EarlyMark, in namespace: String) -> Bool {
        own[namespace]?.node.hasSameBytes(as: mark.node) ?? false
    }

    /// The positions of the entries that a client has got early from this node; nil when they are not all known.
    func early(_ mark: EarlyMark, after offset: EventPosition, in namespace: String) -> Set<EventPosition>? {
        own[namespace]?.messages.early.positions(through: mark.number, after: offset)
    }

    /// Whether what is sent comes back soon.
    private var isOpen: Bool { isGateOpen && troubles.isEmpty }

    private func gateChanged(isOpen: Bool) {
        isGateOpen = isOpen
        for entry in own.values { entry.messages.setOpen(self.isOpen) }
    }

    // MARK: Readers

    private func readerStarted() {
        startedReaders += 1
        guard isReady else { return }
        runWaiting()
        bus.statusChanged()
        // The readers do not see an echo that was sent before they started.
        bus.retryEcho()
    }

    private func received(_ entries: [RedisStreamEntry], of stream: String) {
        guard let last = entries.last else { return }
        hasRead = true
        record(lagOf: last.id)
        if gaps.remove(stream) != nil, let first = entries.first?.id {
            for own in own.values where own.stream.hasSameBytes(as: stream) {
                own.messages.skipped(before: first)
            }
        }
        for entry in entries { received(entry) }
        positions[stream] = last.id
    }

    private func received(_ entry: RedisStreamEntry) {
        guard let message = StreamEntry(entry, maximumNameLength: Self.maximumNameLength) else {
            return bus.invalid("entry", WireFormatError.shape("fields"))
        }
        if let handler = handlers[message.namespace] {
            let (data, id) = (entry.data, entry.id)
            guard let waiting = held[message.namespace] else { return handler(message, data, id) }
            let bytes = waiting.bytes + data.readableBytes
            guard waiting.calls.count < streams.maxWaitingEntries, bytes <= streams.maxWaitingBytes else {
                bus.counters.refused(.waitingEntries)
                release(message.namespace)
                return handler(message, data, id)
            }
            held[message.namespace]?.calls.append { handler(message, data, id) }
            held[message.namespace]?.bytes = bytes
            return
        }
        guard message.namespace.isEmpty, let nodeID, message.uid.hasSameBytes(as: nodeID),
            let number = StreamsWireFormat.echoNumber(message)
        else { return }
        bus.heardEcho(number)
    }

    /// Entries are missing, perhaps also some of this node's own.
    private func gap(in stream: String) {
        gaps.insert(stream)
        bus.counters.streamGaps.increment()
        bus.log.log(.streamGap, ["stream": "\(streams.name)"])
        bus.doubtEverything()
        for handler in gapHandlers.values { handler() }
    }

    private func trouble(_ reason: String?, _ index: Int) {
        troubles[index] = reason
        for entry in own.values { entry.messages.setOpen(isOpen) }
        bus.readingChanged(trouble: troubles.values.min { $0.precedesByBytes($1) })
    }

    // MARK: Figures

    /// Called when a heartbeat has been sent.
    func heartbeatSent() {
        if !hasRead, troubles.isEmpty { bus.counters.record(streamLag: .zero) }
        hasRead = false
    }

    /// Records how long ago an entry was added, by the clocks of Redis and this machine.
    private func record(lagOf id: RedisStreamID) {
        let milliseconds = WallClock.milliseconds() - Int64(clamping: id.milliseconds)
        bus.counters.record(streamLag: .milliseconds(min(max(milliseconds, 0), 1 << 32)))
    }
}

extension RedisStreamEntry {
    /// The value of the field `data`; empty when the entry has none.
    fileprivate var data: ByteBuffer {
        fields.last { $0.name.readableBytesView.elementsEqual("data".utf8) }?.value ?? ByteBuffer()
    }
}
