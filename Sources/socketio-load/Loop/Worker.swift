// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
internal import Synchronization

/// One thread of the generator: an event loop and its share of the clients.
///
/// Confined to its thread; `WorkerLink` is its only door.
///
///     order, timer, readable → parse → deliveries checked and counted → next messages → one write per connection
final class Worker {
    /// Readable bytes taken at a time.
    static let bufferSize = 1 << 18
    private static let tickInterval: UInt64 = 100_000_000

    let plan: LoadPlan
    let index: Int
    let requests: RequestText
    let parts: [PartWorker]
    @exclusivity(unchecked) var now = MonotonicClock.now()
    @exclusivity(unchecked) var window: MeasuredTime?
    @exclusivity(unchecked) var isSending = false
    /// Clients that connect at the moment and those that shall.
    var opening = 0
    var ready = 0
    var failed = 0
    var firstFailure: String?
    @exclusivity(unchecked) var dirty: [Stream] = []
    var waitingToPost: [LoadClient] = []
    @exclusivity(unchecked) var scratch: [UInt8] = []
    let mask = UInt32.random(in: 1...UInt32.max)
    let poller: Poller

    private let link: WorkerLink
    private let links: [WorkerLink]
    let addresses: [SocketAddress]
    let sources: [SocketAddress]
    let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bufferSize)
    private let toOpen: [LoadClient]
    private var opened = 0
    private var openLimit = 0
    @exclusivity(unchecked) var streams: [Stream?] = []
    var freeStreams: [Int] = []
    var generation: UInt64 = 0
    private var nextTick: UInt64 = 0
    var nextSource = 0
    private var isRunning = true

    init(_ setup: WorkerSetup, poller: Poller) {
        plan = setup.plan
        index = setup.index
        link = setup.links[setup.index]
        links = setup.links
        addresses = setup.addresses
        sources = setup.sources
        requests = RequestText(plan)
        self.poller = poller
        parts = plan.parts.indices.map { PartWorker(setup.plan, number: $0, worker: setup.index) }
        toOpen = parts.filter { $0.plan.work != .connect }.flatMap(\.clients)
    }

    deinit {
        for stream in streams { if let stream { _ = Glibc.close(stream.descriptor) } }
        buffer.deallocate()
    }

    func run() {
        let clock = MonotonicClock.threadClock()
        link.status.withLock { $0.cpuClock = clock }
        while isRunning {
            openMore()
            flush()
            let count = poller.wait(until: deadline(), now: now)
            now = MonotonicClock.now()
            for index in 0..<count { handle(poller.event(index)) }
            sendDue()
            if now >= nextTick { tick() }
        }
        flush()
        publishStatus(isFinished: true)
    }

    private func deadline() -> UInt64 {
        guard isSending else { return nextTick }
        return parts.reduce(nextTick) { min($0, $1.schedule?.next ?? .max) }
    }

    private func handle(_ event: Poller.Event) {
        if event.token >= Poller.timerToken {
            poller.acknowledge(event.token)
            if event.token == Poller.wakeToken { for order in link.takeOrders() { obey(order) } }
            return
        }
        guard let stream = streams[Int(event.token & 0xFFFF_FFFF)], stream.token == event.token else { return }
        if event.isWritable, stream.waitsForWriting {
            stream.waitsForWriting = false
            write(stream)
        }
        guard event.isReadable else { return }
        while !stream.isClosed, read(stream, isLast: event.isHangUp) {}
    }

    private func obey(_ order: WorkerOrder) {
        switch order {
        case .connect(let share): openLimit = Int((Double(toOpen.count) * share).rounded(.up))
        case .run(let time): begin(time)
        case .delivered(let part, let sender, let sequence): completed(parts[part], sender: sender, sequence: sequence)
        case .freeze:
            isSending = false
            let sent = parts.map { part in
                part.countUnsentTurns()
                var list = [UInt32](repeating: 0, count: part.plan.senders)
                part.fillSent(&list)
                return list
            }
            link.status.withLock { $0.sent = sent }
        case .finish(let sent):
            for part in parts { part.findLosses(sent: sent[part.number]) }
            closeAll()
            isRunning = false
        }
    }

    /// Tells another worker that all members here have a message of its sender.
    func tell(_ worker: Int, _ order: WorkerOrder) { links[worker].post(order) }

    // MARK: Regular work

    private func tick() {
        nextTick = now &+ Self.tickInterval
        for part in parts {
            for client in part.clients where client.deadline < now { timedOut(client) }
        }
        publishStatus(isFinished: false)
    }

    private func publishStatus(isFinished: Bool) {
        link.status.withLock { status in
            status.ready = ready
            status.failed = failed
            status.firstFailure = firstFailure
            for part in parts { status.counts[part.number] = part.counts }
            guard isFinished else { return }
            status.latency = parts.map(\.latency)
            status.lag = parts.map(\.lag)
            status.isFinished = true
        }
    }

    private func openMore() {
        let concurrency = max(1, plan.connectConcurrency / plan.threads)
        while opened < openLimit, opening < concurrency {
            opening += 1
            opened += 1
            open(toOpen[opened - 1], began: now)
        }
    }
}

/// What a worker's thread begins with.
struct WorkerSetup: Sendable {
    var plan: LoadPlan
    var index: Int
    var links: [WorkerLink]
    var addresses: [SocketAddress]
    var sources: [SocketAddress]
}
