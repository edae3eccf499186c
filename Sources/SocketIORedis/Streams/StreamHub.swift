// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import HiredisNIO
internal import NIOCore
internal import SocketIOCluster
internal import SocketIOCore

/// Reads the streams, each over a connection of its own, and hands every entry to its namespace. Lives on the bus's event loop.
///
///     Redis ── XREAD ──▶ a reader for each stream ──▶ by `nsp` ──▶ StreamChannel
final class StreamHub {
    /// - Parameter data: The data of the entry as the stream holds it.
    typealias Handler = (_ entry: StreamEntry, _ data: ByteBuffer, _ id: RedisStreamID) -> Void

    private let bus: RedisBusCore
    private let streams: RedisStreams
    private var readers: [any StreamReading] = []
    /// Readers that know where to read from.
    private var startedReaders = 0
    private var troubles: [Int: String] = [:]
    private var handlers: NameDictionary<Handler> = [:]
    /// What is to be done when it is known from where the streams are read.
    private var waiting: [() -> Void] = []
    /// Whether entries have come since the last heartbeat.
    private var hasRead = false
    private var isClosed = false
    /// This node's name in its echoes.
    var nodeID: String?

    /// The longest name of a namespace that is looked for.
    private static let maximumNameLength = 1024

    init(_ bus: RedisBusCore, _ streams: RedisStreams) {
        self.bus = bus
        self.streams = streams
        bus.hearsBySubscription = false
        bus.isListening = { [weak self] in self?.isListening ?? false }
    }

    // MARK: Life

    func start() {
        let names = StreamNames(name: streams.name, count: streams.count).all
        for (index, name) in names.enumerated() {
            var handlers = RedisStreamReader.Handlers { [weak self] in self?.received($0) }
            handlers.onStart = { [weak self] _ in self?.readerStarted() }
            handlers.onGap = { [weak self] in self?.gap() }
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

    /// Whether all streams are read.
    private var isReady: Bool { !readers.isEmpty && startedReaders >= readers.count }
    private var isListening: Bool { isReady && !handlers.isEmpty }

    /// Does something when it is known from where the streams are read: what is added from then on is not missed.
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

    func remove(_ namespace: String) {
        handlers[namespace] = nil
        bus.statusChanged()
    }

    // MARK: Readers

    private func readerStarted() {
        startedReaders += 1
        guard isReady else { return }
        runWaiting()
        bus.statusChanged()
        // An echo that was sent before is not read.
        bus.askAgain()
    }

    private func received(_ entries: [RedisStreamEntry]) {
        guard let last = entries.last else { return }
        hasRead = true
        record(lagOf: last.id)
        for entry in entries { received(entry) }
    }

    private func received(_ entry: RedisStreamEntry) {
        guard
            let message = StreamEntry(
                fields: entry.fields.lazy.map { ($0.name, $0.value) }, maximumNameLength: Self.maximumNameLength)
        else { return bus.invalid("entry", WireFormatError.shape("fields")) }
        if let handler = handlers[message.namespace] { return handler(message, entry.data, entry.id) }
        guard message.namespace.isEmpty, let nodeID, message.uid.hasSameBytes(as: nodeID),
            let number = StreamsWireFormat.echoNumber(message)
        else { return }
        bus.heardEcho(number)
    }

    /// Entries are missing, own ones perhaps, too.
    private func gap() {
        bus.counters.streamGaps.increment()
        bus.log.log(.streamGap, ["stream": "\(streams.name)"])
        bus.doubtEverything()
    }

    private func trouble(_ reason: String?, _ index: Int) {
        troubles[index] = reason
        bus.readingChanged(trouble: troubles.values.min { $0.precedesByBytes($1) })
    }

    // MARK: Figures

    /// A heartbeat has been sent.
    func heartbeatSent() {
        if !hasRead, troubles.isEmpty { bus.counters.record(streamLag: .zero) }
        hasRead = false
    }

    /// How long ago an entry was added, by the clocks of Redis and this machine.
    private func record(lagOf id: RedisStreamID) {
        let milliseconds = WallClock.milliseconds() - Int64(clamping: id.milliseconds)
        bus.counters.record(streamLag: .milliseconds(min(max(milliseconds, 0), 1 << 32)))
    }
}

extension RedisStreamEntry {
    /// The value of the field `data`; empty without one.
    fileprivate var data: ByteBuffer {
        fields.last { $0.name.readableBytesView.elementsEqual("data".utf8) }?.value ?? ByteBuffer()
    }
}
