// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Synchronization

/// One run from the first connection to the report; coordinates the workers from the calling thread.
///
///     connect a tenth → memory → connect the rest → settle → warm-up → measured time → drain → losses → report
final class LoadRun {
    let plan: LoadPlan
    private let progress: ProgressLine
    private var links: [WorkerLink] = []
    /// Kept until all threads have ended: each may wake any other until then.
    private var pollers: [Poller] = []
    private(set) var servers: [ServerProcess] = []
    private(set) var peaks: [Int32: UInt64] = [:]
    private(set) var primed: [Int32: UInt64] = [:]
    private(set) var primedConnections = 0
    private(set) var latency: [LatencyRecorder]
    private(set) var lag: [LatencyRecorder]

    private init(_ plan: LoadPlan, progress: ProgressLine) {
        self.plan = plan
        self.progress = progress
        latency = Array(repeating: LatencyRecorder(), count: plan.parts.count)
        lag = latency
    }

    /// Runs the plan. Throws when it could not be carried out; faults of the server are in the report.
    static func run(_ plan: LoadPlan, progress: ProgressLine) throws(LoadFailure) -> LoadReport {
        try FileLimit.raise(for: plan)
        return try LoadRun(plan, progress: progress).run()
    }

    private func run() throws(LoadFailure) -> LoadReport {
        var addresses: [SocketAddress] = []
        for target in plan.targets { addresses.append(try target.resolve()) }
        servers = try ServerChoice.servers(of: plan, addresses)
        let loadBefore = Machine.load
        let before = samples()
        let started = MonotonicClock.now()
        try startWorkers(addresses)
        do {
            try connectAll()
        } catch {
            stop()
            throw error
        }
        let connectSeconds = Self.seconds(MonotonicClock.now() - started)
        MonotonicClock.rest(milliseconds: UInt32(plan.settle / 1_000_000))
        let time = MeasuredTime(
            begin: MonotonicClock.now() + plan.warmUp, end: MonotonicClock.now() + plan.warmUp + plan.duration)
        for link in links { link.post(.run(time)) }
        watch(until: time.begin, "warm-up")
        let first = edge()
        watch(until: time.end, nil)
        let last = edge()
        drain()
        stop()
        progress.end()
        return report(
            ReportInput(
                before: before, first: first, last: last, connectSeconds: connectSeconds, loadBefore: loadBefore))
    }

    // MARK: Phases

    private func startWorkers(_ addresses: [SocketAddress]) throws(LoadFailure) {
        var sources: [SocketAddress] = []
        for source in plan.sources { sources.append(try SocketAddress(host: source, port: 0, option: "--source")) }
        for _ in 0..<plan.threads { pollers.append(try Poller()) }
        links = pollers.map { WorkerLink(waker: $0.waker, parts: plan.parts.count) }
        for (index, poller) in pollers.enumerated() {
            let setup = WorkerSetup(plan: plan, index: index, links: links, addresses: addresses, sources: sources)
            // Handed over: nothing here touches the poller any more, the waker aside.
            nonisolated(unsafe) let poller = poller
            let thread = Thread { Worker(setup, poller: poller).run() }
            thread.name = "load-\(index)"
            thread.stackSize = 4 << 20
            thread.start()
        }
    }

    private func connectAll() throws(LoadFailure) {
        let wanted = plan.parts.filter { $0.work != .connect }.reduce(0) { $0 + $1.connections }
        guard wanted > 0 else { return }
        // The first clients make the server load and allocate what it needs once; memory is counted from there.
        for share in plan.mode == "idle" ? [0.1, 1] : [1] {
            for link in links { link.post(.connect(share: share)) }
            let part = Self.count(wanted, share: share, workers: plan.threads)
            try wait(for: share == 1 ? wanted : part.lower, of: wanted)
            guard share < 1 else { continue }
            MonotonicClock.rest(milliseconds: 500)
            for server in servers { primed[server.pid] = server.sample()?.resident }
            primedConnections = statuses().reduce(0) { $0 + $1.ready }
        }
    }

    /// Every worker rounds its share up by itself.
    private static func count(_ wanted: Int, share: Double, workers: Int) -> (lower: Int, upper: Int) {
        (Int(Double(wanted) * share), Int(Double(wanted) * share) + workers)
    }

    private func wait(for count: Int, of wanted: Int) throws(LoadFailure) {
        var reported = MonotonicClock.now()
        while true {
            let all = statuses()
            let ready = all.reduce(0) { $0 + $1.ready }
            let failed = all.reduce(0) { $0 + $1.failed }
            if failed > 0 {
                let reason = all.compactMap(\.firstFailure).first ?? "no reason known"
                throw LoadFailure("\(failed) of \(wanted) clients could not connect: \(reason)")
            }
            if ready >= count { return }
            if MonotonicClock.now() - reported > 500_000_000 {
                reported = MonotonicClock.now()
                progress.show("connecting: \(ready) of \(wanted)")
            }
            MonotonicClock.rest(milliseconds: 5)
        }
    }

    private func watch(until time: UInt64, _ phase: String?) {
        var shown = MonotonicClock.now()
        var earlier = totals(statuses())
        while true {
            let now = MonotonicClock.now()
            guard now < time else { return }
            MonotonicClock.rest(milliseconds: UInt32(min(100, max(1, (time - now) / 1_000_000))))
            watchMemory()
            guard MonotonicClock.now() - shown >= 1_000_000_000 else { continue }
            let seconds = Self.seconds(MonotonicClock.now() - shown)
            shown = MonotonicClock.now()
            let current = totals(statuses())
            let rates = zip(plan.parts, zip(current, earlier)).map { part, counts in
                "\(part.name) \(Int(Double(counts.0.delivered - counts.1.delivered) / seconds))/s"
            }
            earlier = current
            let left = time > shown ? (time - shown) / 1_000_000_000 : 0
            let faults = current.flatMap(\.faults).reduce(0) { $0 + $1.count }
            progress.show(
                "\(phase ?? "measuring"), \(left) s left: \(rates.joined(separator: ", "))"
                    + (faults > 0 ? ", FAULTS \(faults)" : ""))
        }
    }

    /// Waits until nothing is on its way, or for the time allowed.
    private func drain() {
        let limit = MonotonicClock.now() + plan.drain
        while MonotonicClock.now() < limit {
            watchMemory()
            // A tick of the workers lies between two looks, so that both see the same moment.
            let before = totals(statuses())
            MonotonicClock.rest(milliseconds: 250)
            let after = totals(statuses())
            let isComplete = zip(plan.parts, after).allSatisfy { part, counts in
                counts.delivered + (part.work == .connect ? counts.failedConnects : 0) >= counts.sent * part.receivers
            }
            if isComplete, before == after { return }
            progress.show("waiting for what is on its way")
        }
    }

    private func stop() {
        for link in links { link.post(.freeze) }
        while statuses().contains(where: { $0.sent == nil }) { MonotonicClock.rest(milliseconds: 1) }
        var sent = plan.parts.map { [UInt32](repeating: 0, count: $0.senders) }
        for status in statuses() {
            for (part, list) in (status.sent ?? []).enumerated() {
                for (index, count) in list.enumerated() where count > 0 { sent[part][index] = count }
            }
        }
        for link in links { link.post(.finish(sent: sent)) }
        while statuses().contains(where: { !$0.isFinished }) { MonotonicClock.rest(milliseconds: 1) }
        for status in statuses() {
            for (part, recorder) in status.latency.enumerated() { latency[part].add(recorder) }
            for (part, recorder) in status.lag.enumerated() { lag[part].add(recorder) }
        }
    }

    // MARK: Looking

    func statuses() -> [WorkerStatus] { links.map { $0.status.withLock { $0 } } }

    func totals(_ statuses: [WorkerStatus]) -> [PartCounts] {
        plan.parts.indices.map { part in
            statuses.reduce(into: PartCounts()) { $0.add($1.counts[part]) }
        }
    }

    /// Notes the most memory the servers ever had.
    private func watchMemory() {
        for server in servers {
            if let resident = server.resident { peaks[server.pid] = max(resident, peaks[server.pid] ?? 0) }
        }
    }

    func samples() -> [Int32: ServerProcess.Sample] {
        servers.reduce(into: [:]) { $0[$1.pid] = $1.sample() }
    }

    struct Edge {
        var time: UInt64
        var servers: [Int32: ServerProcess.Sample]
        /// CPU time of each worker's thread.
        var workers: [UInt64]
        /// CPU time of this process as the kernel shares it out, by its ticks.
        var generator: Machine.Usage
    }

    private func edge() -> Edge {
        Edge(
            time: MonotonicClock.now(), servers: samples(),
            workers: statuses().map { $0.cpuClock.map(MonotonicClock.read) ?? 0 }, generator: Machine.usage)
    }

    static func seconds(_ nanoseconds: UInt64) -> Double { Double(nanoseconds) / 1e9 }
}
