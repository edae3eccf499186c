// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// One jitter run on the calling thread.
///
///     everybody joins → a driver sends numbers, links are cut and come back → all return → what is on its way → report
final class JitterRun {
    private enum Phase {
        case joining
        case running(until: UInt64)
        /// Nothing is sent and cut any more.
        case ending(until: UInt64)
    }

    private let plan: JitterPlan
    private let addresses: [SocketAddress]
    private let poller: Poller
    private let progress: ProgressLine
    private var members: [JitterMember]
    private var links: [JitterLink?]
    /// Connections that the server still takes for open.
    private var silent: [JitterLink] = []
    private var tokens: [UInt64]
    private var driver: JitterLink?
    private var driverIsReady = false
    private var generation: UInt64 = 0
    private var counts = JitterCounts()
    private var returns: [UInt64] = []
    private var failures: [String] = []
    private var nextMessage: UInt64 = 0
    /// When all links are cut together.
    private var storm: UInt64 = .max
    private var shown: UInt64 = 0
    private var now = MonotonicClock.now()

    /// In the place of a member's number.
    private static let driverIndex: UInt64 = 0xFFFF_FFF0
    private static let maximumSilent = 10_000

    private init(_ plan: JitterPlan, progress: ProgressLine) throws(LoadFailure) {
        self.plan = plan
        self.progress = progress
        var addresses: [SocketAddress] = []
        for target in plan.targets { addresses.append(try target.resolve()) }
        self.addresses = addresses
        poller = try Poller()
        members = (0..<plan.members).map { index in
            var member = JitterMember(plan)
            member.target = index % addresses.count
            return member
        }
        links = Array(repeating: nil, count: plan.members)
        tokens = Array(repeating: 0, count: plan.members)
    }

    /// - Throws: When the run could not be made; faults of the server are in the report.
    static func run(_ plan: JitterPlan, progress: ProgressLine) throws(LoadFailure) -> JitterReport {
        try plan.check()
        return try JitterRun(plan, progress: progress).run()
    }

    private func run() throws(LoadFailure) -> JitterReport {
        let joinLimit = now + plan.connectTimeout
        for index in members.indices { connect(index) }
        try openDriver()
        var phase = Phase.joining
        var began = now
        while true {
            let deadline = min(members.reduce(now + 100_000_000) { min($0, $1.due) }, nextDeadline(phase))
            let count = poller.wait(until: deadline, now: now)
            now = MonotonicClock.now()
            for index in 0..<count { try handle(poller.event(index)) }
            now = MonotonicClock.now()
            switch phase {
            case .joining:
                if driverIsReady, members.allSatisfy({ $0.state == .ready }) {
                    began = now
                    nextMessage = now
                    storm = now + plan.cutEvery
                    for index in members.indices { members[index].due = nextCut() }
                    phase = .running(until: now + plan.duration)
                } else if now > joinLimit {
                    throw LoadFailure(
                        failures.first ?? "not all members could connect and join within the connect time-out")
                }
            case .running(let end):
                sendDue()
                for index in members.indices where members[index].due <= now { act(index, mayCut: now < end) }
                if storm <= now { storm = now + plan.cutEvery }
                guard now >= end else { break }
                for index in members.indices where members[index].state == .ready { members[index].due = .max }
                phase = .ending(until: now + plan.drain)
            case .ending(let end):
                for index in members.indices where members[index].due <= now { act(index, mayCut: false) }
                if now >= end || isComplete { return report(MonotonicClock.now() - began) }
            }
            show(phase)
        }
    }

    private func nextDeadline(_ phase: Phase) -> UInt64 {
        if case .running = phase { return nextMessage }
        return .max
    }

    private var isComplete: Bool {
        members.allSatisfy { $0.state == .ready && $0.checker.arrived >= counts.sent }
    }

    // MARK: Messages

    private func openDriver() throws(LoadFailure) {
        let link = try JitterLink(plan.targets[0], addresses[0], headers: plan.headers)
        driver = link
        poller.watch(link.descriptor, token: Self.driverIndex)
    }

    private func sendDue() {
        while nextMessage <= now {
            nextMessage += UInt64(1e9 / plan.rate)
            counts.sent += 1
            let event = JSONText.quoted(plan.events.publish)
            driver?.send("42\(plan.namespacePrefix)[\(event),\(JSONText.quoted(plan.room)),\"\(counts.sent)\"]")
        }
    }

    private func driverReceived(_ event: JitterLink.Event) throws(LoadFailure) {
        switch event {
        case .ended(let reason): throw LoadFailure("the connection that sends the messages ended: \(reason)")
        case .packet(let packet):
            if packet.hasPrefix("0") { driver?.send("40\(plan.namespacePrefix)\(plan.auth)") }
            if packet.hasPrefix("2") { driver?.send("3" + packet.dropFirst()) }
            if packet.hasPrefix("40") { driverIsReady = true }
            if packet.hasPrefix("44") { throw LoadFailure("the namespace refused: \(packet.dropFirst(2).prefix(200))") }
        }
    }

    // MARK: Members

    private func connect(_ index: Int) {
        generation = (generation + 1) & 0x7FFF_FFFF
        do {
            let target = members[index].target
            let link = try JitterLink(plan.targets[target], addresses[target], headers: plan.headers)
            links[index] = link
            tokens[index] = generation << 32 | UInt64(index)
            members[index].state = .connecting
            members[index].due = now + plan.connectTimeout
            poller.watch(link.descriptor, token: tokens[index])
        } catch {
            failed(index, error.description)
        }
    }

    /// Something is due: a cut, a return, or an answer that did not come.
    private func act(_ index: Int, mayCut: Bool) {
        switch members[index].state {
        case .away:
            members[index].began = members[index].began ?? now
            connect(index)
        case .connecting, .joining: failed(index, "no answer within the connect time-out")
        case .ready:
            members[index].due = .max
            if mayCut { cut(index) }
        }
    }

    private func cut(_ index: Int) {
        counts.cuts += 1
        if plan.isSilent, let link = links[index], silent.count < Self.maximumSilent {
            silent.append(link)
        } else {
            links[index]?.close()
        }
        links[index] = nil
        tokens[index] = 0
        members[index].state = .away
        members[index].began = nil
        members[index].due = now + plan.away
        guard addresses.count > 1, !plan.staysAtTarget else { return }
        members[index].target = (members[index].target + 1) % addresses.count
        counts.moved += 1
    }

    private func failed(_ index: Int, _ reason: String) {
        let text = "\(plan.targets[members[index].target].text): \(reason)"
        if failures.count < 5, !failures.contains(text) { failures.append(text) }
        links[index]?.close()
        links[index] = nil
        tokens[index] = 0
        members[index].state = .away
        // As official clients do, about once a second.
        members[index].due = now + 1_000_000_000
        // A target that is gone is not tried for ever.
        guard addresses.count > 1, !plan.staysAtTarget else { return }
        members[index].target = (members[index].target + 1) % addresses.count
    }

    private func received(_ index: Int, _ event: JitterLink.Event) {
        switch event {
        case .ended(let reason): failed(index, reason)
        case .packet(let packet):
            switch members[index].received(packet) {
            case .none: break
            case .send(let text): links[index]?.send(text)
            case .ended(let reason): failed(index, reason)
            case .joined: ready(index)
            case .connected(let isRecovered):
                if let began = members[index].began {
                    returns.append(now - began)
                    if isRecovered { counts.recovered += 1 } else { counts.notRecovered += 1 }
                }
                guard !isRecovered else { return ready(index) }
                members[index].state = .joining
                let (join, room) = (JSONText.quoted(plan.events.join), JSONText.quoted(plan.room))
                links[index]?.send("42\(plan.namespacePrefix)0[\(join),\(room)]")
            }
        }
    }

    private func ready(_ index: Int) {
        members[index].state = .ready
        members[index].began = nil
        members[index].due = nextCut()
    }

    private func nextCut() -> UInt64 {
        plan.cutsTogether ? storm : now + UInt64(Double(plan.cutEvery) * Double.random(in: 0.5...1.5))
    }

    // MARK: Events

    private func handle(_ event: Poller.Event) throws(LoadFailure) {
        if event.token >= Poller.timerToken { return poller.acknowledge(event.token) }
        if event.token == Self.driverIndex {
            if event.isWritable { driver?.write() }
            var events: [JitterLink.Event] = []
            if event.isReadable { driver?.read { events.append($0) } }
            for event in events { try driverReceived(event) }
            return
        }
        let index = Int(event.token & 0xFFFF_FFFF)
        guard tokens.indices.contains(index), tokens[index] == event.token, let link = links[index] else { return }
        if event.isWritable { link.write() }
        guard event.isReadable else { return }
        link.read { [self] in received(index, $0) }
    }

    private func show(_ phase: Phase) {
        guard now - shown >= 1_000_000_000 else { return }
        shown = now
        let arrived = members.reduce(0) { $0 + $1.checker.arrived }
        let text = "\(counts.sent) sent, \(arrived) arrived, \(counts.cuts) cuts, \(counts.recovered) recovered"
        switch phase {
        case .joining: progress.show("connecting")
        case .running(let end): progress.show("\((end > now ? end - now : 0) / 1_000_000_000) s left: \(text)")
        case .ending: progress.show("waiting for what is on its way: \(text)")
        }
    }

    private func report(_ time: UInt64) -> JitterReport {
        progress.end()
        counts.owed = counts.sent * members.count
        for member in members {
            counts.arrived += member.checker.arrived
            counts.doubled += member.checker.doubled
            counts.outOfOrder += member.checker.outOfOrder
        }
        counts.lost = max(counts.owed - counts.arrived, 0)
        returns.sort()
        if let longest = returns.last {
            counts.longestReturn = Double(longest) / 1e6
            if let limit = plan.returnWithin { counts.lateReturns = returns.count { $0 > limit } }
            counts.medianReturn = Double(returns[returns.count / 2]) / 1e6
        }
        return JitterReport(
            targets: plan.targets.map(\.text), members: plan.members, rate: plan.rate,
            seconds: Double(time) / 1e9, counts: counts, failures: failures)
    }
}
