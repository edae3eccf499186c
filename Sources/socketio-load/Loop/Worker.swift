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
    private static let bufferSize = 1 << 18
    private static let tickInterval: UInt64 = 100_000_000

    let plan: LoadPlan
    let index: Int
    let requests: RequestText
    let parts: [PartWorker]
    var now = MonotonicClock.now()
    var window: MeasuredTime?
    var isSending = false
    /// Clients that connect at the moment and those that shall.
    var opening = 0
    var ready = 0
    var failed = 0
    var firstFailure: String?
    var dirty: [Stream] = []
    var waitingToPost: [LoadClient] = []
    var scratch: [UInt8] = []
    let mask = UInt32.random(in: 1...UInt32.max)
    let poller: Poller

    private let link: WorkerLink
    private let links: [WorkerLink]
    private let addresses: [SocketAddress]
    private let sources: [SocketAddress]
    private let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bufferSize)
    private let toOpen: [LoadClient]
    private var opened = 0
    private var openLimit = 0
    private var streams: [Stream?] = []
    private var freeStreams: [Int] = []
    private var generation: UInt64 = 0
    private var nextTick: UInt64 = 0
    private var nextSource = 0
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
            for part in parts {
                status.counts[part.number] = part.counts
                status.latency[part.number].add(part.latency)
                status.lag[part.number].add(part.lag)
            }
            status.isFinished = isFinished
        }
        for part in parts {
            part.latency.reset()
            part.lag.reset()
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

    // MARK: Streams

    /// Begins a connection to the client's target; nil when the system refuses, and the client has failed then.
    func connect(_ client: LoadClient, role: Stream.Role) -> Stream? {
        let address = addresses[client.target]
        let descriptor = socket(
            address.family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else {
            fail(client, "cannot make a socket: \(String(cString: strerror(errno)))")
            return nil
        }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        if !sources.isEmpty {
            // The system picks the port when it knows the target; before, it would have to be free for all targets.
            setsockopt(descriptor, Int32(IPPROTO_IP), 24 /* IP_BIND_ADDRESS_NO_PORT */, &one, 4)
            _ = sources[nextSource % sources.count].withSocketAddress { bind(descriptor, $0, $1) }
            nextSource += 1
        }
        let result = address.withSocketAddress { Glibc.connect(descriptor, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else {
            let remedy = errno == EADDRNOTAVAIL ? "; give more addresses with --source" : ""
            let text = String(cString: strerror(errno))
            _ = Glibc.close(descriptor)
            fail(client, "cannot connect: \(text)\(remedy)")
            return nil
        }
        return register(descriptor, client, role)
    }

    private func register(_ descriptor: Int32, _ client: LoadClient, _ role: Stream.Role) -> Stream {
        let slot = freeStreams.popLast() ?? streams.count
        if slot == streams.count { streams.append(nil) }
        generation = (generation + 1) & 0x7FFF_FFFF
        let stream = Stream(
            descriptor: descriptor, token: generation << 32 | UInt64(slot), client: client, role: role)
        stream.waitsForWriting = false
        streams[slot] = stream
        poller.watch(descriptor, token: stream.token)
        return stream
    }

    func close(_ stream: Stream) {
        guard !stream.isClosed else { return }
        stream.isClosed = true
        let slot = Int(stream.token & 0xFFFF_FFFF)
        streams[slot] = nil
        freeStreams.append(slot)
        _ = Glibc.close(stream.descriptor)
    }

    func markDirty(_ stream: Stream) {
        guard !stream.isDirty else { return }
        stream.isDirty = true
        dirty.append(stream)
    }

    private func flush() {
        for client in waitingToPost { postWaiting(client) }
        waitingToPost.removeAll(keepingCapacity: true)
        // Writing may fail a client, and that may open another one.
        var index = 0
        while index < dirty.count {
            let stream = dirty[index]
            index += 1
            stream.isDirty = false
            if !stream.isClosed, !stream.waitsForWriting { write(stream) }
        }
        dirty.removeAll(keepingCapacity: true)
    }

    private func write(_ stream: Stream) {
        switch stream.writeOut() {
        case .done: break
        case .blocked: stream.waitsForWriting = true
        case .failed(let number): ended(stream, "writing failed: \(String(cString: strerror(number)))")
        }
    }

    /// Reads once; true when more may be there. A short read means that nothing is left, unless the peer has closed.
    private func read(_ stream: Stream, isLast: Bool) -> Bool {
        let count = recv(stream.descriptor, buffer.baseAddress, Self.bufferSize, 0)
        guard count > 0 else {
            if count < 0, errno == EAGAIN { return false }
            if count < 0, errno == EINTR { return true }
            ended(stream, count == 0 ? "the server closed the connection" : String(cString: strerror(errno)))
            return false
        }
        take(stream, count)
        return isLast || count == Self.bufferSize
    }

    /// Parses what was read, behind what was left of earlier reads.
    private func take(_ stream: Stream, _ count: Int) {
        now = MonotonicClock.now()
        let fresh = UnsafeBufferPointer(rebasing: buffer[..<count])
        if stream.inbox.isEmpty {
            let consumed = parse(stream, fresh)
            if consumed < count, !stream.isClosed { stream.inbox.append(contentsOf: fresh[consumed...]) }
            return
        }
        var inbox: [UInt8] = []
        swap(&inbox, &stream.inbox)
        inbox.append(contentsOf: fresh)
        let consumed = inbox.withUnsafeBufferPointer { parse(stream, $0) }
        guard consumed < inbox.count, !stream.isClosed else { return }
        inbox.removeFirst(consumed)
        swap(&inbox, &stream.inbox)
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
