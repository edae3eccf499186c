// Part of socketio-server, MIT licence; see LICENSE.

/// What was seen at the edges of a run.
struct ReportInput {
    var before: [Int32: ServerProcess.Sample]
    var first: LoadRun.Edge
    var last: LoadRun.Edge
    var connectSeconds: Double
    var loadBefore: String
}

extension LoadRun {
    func report(_ input: ReportInput) -> LoadReport {
        let seconds = Self.seconds(input.last.time - input.first.time)
        let counts = totals(statuses())
        let parts = plan.parts.indices.map { part($0, counts[$0], seconds) }
        let delivered = counts.reduce(0) { $0 + $1.deliveredMeasured }
        let servers = self.servers.compactMap { figures(of: $0, input, seconds, delivered) }
        let generator = generator(input, seconds, delivered)
        var report = LoadReport(
            mode: plan.mode, targets: plan.targets.map(\.text), seconds: seconds,
            warmUpSeconds: Self.seconds(plan.warmUp), residentPerConnection: growth(input.last),
            connectSeconds: input.connectSeconds, parts: parts, servers: servers, generator: generator,
            conditions: LoadReport.Conditions(
                processors: Machine.processors, kernel: Machine.kernel, loadBefore: input.loadBefore,
                loadAfter: Machine.load),
            warnings: [], faults: faults(counts))
        report.warnings = warnings(report)
        return report
    }

    private func part(_ index: Int, _ counts: PartCounts, _ seconds: Double) -> LoadReport.Part {
        let part = plan.parts[index]
        return LoadReport.Part(
            name: part.name, work: part.work, transport: part.transport, connections: part.connections,
            rooms: part.rooms, inFlight: part.inFlight, requestedRate: part.rate, payloadSize: part.size,
            counts: counts, rate: Double(counts.deliveredMeasured) / seconds,
            sentRate: Double(counts.sentMeasured) / seconds, latency: latency[index].summary,
            sendLag: lag[index].summary)
    }

    private func figures(
        of server: ServerProcess, _ input: ReportInput, _ seconds: Double, _ delivered: Int
    ) -> LoadReport.ServerFigures? {
        guard let first = input.first.servers[server.pid], let last = input.last.servers[server.pid] else { return nil }
        let cpu = last.cpu > first.cpu ? Self.seconds(last.cpu - first.cpu) : 0
        return LoadReport.ServerFigures(
            pid: server.pid, name: server.name, cpuSeconds: cpu, cores: cpu / seconds,
            cpuPerDelivery: delivered > 0 ? cpu * 1e6 / Double(delivered) : nil,
            residentBefore: input.before[server.pid]?.resident ?? 0, residentAfter: last.resident,
            residentPeak: max(last.resident, peaks[server.pid] ?? 0))
    }

    private func generator(_ input: ReportInput, _ seconds: Double, _ delivered: Int) -> LoadReport.Generator {
        let used = zip(input.last.workers, input.first.workers).map { $0 > $1 ? Self.seconds($0 - $1) : 0 }
        let total = used.reduce(0, +)
        let each = delivered > 0 ? total * 1e6 / Double(delivered) : nil
        let user = input.last.generator.user - input.first.generator.user
        let kernel = input.last.generator.kernel - input.first.generator.kernel
        return LoadReport.Generator(
            threads: plan.threads, cpuSeconds: total, cpuPerDelivery: each,
            userPerDelivery: user + kernel > 0 ? each.map { $0 * user / (user + kernel) } : nil,
            busiest: (used.max() ?? 0) / seconds)
    }

    private func growth(_ last: Edge) -> Double? {
        let added = plan.connections - primedConnections
        guard plan.mode == "idle", added > 0, !primed.isEmpty else { return nil }
        let bytes = primed.reduce(0.0) { sum, entry in
            sum + Double(last.servers[entry.key]?.resident ?? entry.value) - Double(entry.value)
        }
        return bytes / Double(added)
    }

    private func faults(_ counts: [PartCounts]) -> [String] {
        var faults = zip(plan.parts, counts).flatMap { part, counts in
            counts.faults.filter { $0.count > 0 }.map { "\(part.name): \($0.count) \($0.name)" }
        }
        if !faults.isEmpty, let reason = statuses().compactMap(\.firstFailure).first {
            faults.append("first failure: \(reason)")
        }
        return faults
    }

    private func warnings(_ report: LoadReport) -> [String] {
        var warnings: [String] = []
        if report.generator.busiest > 0.9 {
            warnings.append(
                "the generator is busy \(Int(report.generator.busiest * 100)) % of the time and may be what is measured;"
                    + " use --threads")
        }
        for part in report.parts {
            if let lag = part.sendLag, lag.p99 > 1000, report.generator.busiest <= 0.9 {
                warnings.append("\(part.name): messages left over 1 ms late (send lag, p99); the machine is busy")
            }
            if part.counts.unsent > 0 {
                warnings.append("\(part.name): \(part.counts.unsent) messages of the plan could not be sent")
            }
            if part.counts.deliveredMeasured == 0, part.work != .idle {
                warnings.append("\(part.name): nothing was delivered in the measured time")
            }
        }
        if servers.isEmpty, plan.processes != .none {
            warnings.append("the server's process was not found here: no CPU time and memory; give --pid")
        } else if servers.count > report.servers.count {
            warnings.append("a server process ended during the run")
        }
        return warnings
    }
}
