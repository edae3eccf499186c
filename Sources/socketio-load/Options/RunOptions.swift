// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser

/// What all modes take: where to, how long, what is measured, how it is told.
struct RunOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: "Server to connect to, http://HOST:PORT[/PATH]; repeat it to spread the clients over several.")
    var target: [String] = ["http://127.0.0.1:3000"]

    @Option(name: .shortAndLong, help: "Measured time, such as 500ms, 10s or 2m.")
    var duration: DurationArgument = .seconds(10)

    @Option(name: .shortAndLong, help: "Time under load before it.")
    var warmup: DurationArgument = .seconds(2)

    @Option(help: "Longest time to wait at the end for what is on its way.")
    var drain: DurationArgument = .seconds(10)

    @Option(help: "Threads of the generator.")
    var threads = 1

    @Option(help: "Namespace.")
    var namespace = "/"

    @Option(help: "JSON object sent as `auth`.")
    var auth: String?

    @Option(help: "Header of all requests, \"Name: value\"; may be repeated.")
    var header: [String] = []

    @Option(
        help: ArgumentHelp(
            "Server process to measure: a process id, may be repeated; auto finds who listens on the targets' ports.",
            valueName: "pid|auto|none"))
    var pid: [ProcessArgument] = [.auto]

    @Option(help: "Clients that connect at the same time at the start.")
    var connectConcurrency = 100

    @Option(help: "Longest time for one client to connect.")
    var connectTimeout: DurationArgument = .seconds(30)

    @Option(help: "Address of this machine to connect from; repeat it for more than 28,000 connections to one target.")
    var source: [String] = []

    @Flag(help: "Print the report as JSON.")
    var json = false

    @Option(help: "Also write the report as JSON to a file.")
    var output: String?

    @Flag(name: .shortAndLong, help: "No progress on standard error.")
    var quiet = false

    /// Fills a plan with these options.
    func plan(mode: String, parts: [LoadPart], events: EventNames = EventNames()) throws -> LoadPlan {
        do {
            let targets = try target.map { text throws(LoadFailure) in try LoadTarget(text) }
            var plan = LoadPlan(mode: mode, targets: targets, parts: parts, events: events)
            plan.namespace = namespace
            plan.auth = auth ?? ""
            plan.headers = header
            plan.sources = source
            plan.threads = threads
            plan.warmUp = warmup.nanoseconds
            plan.duration = duration.nanoseconds
            plan.drain = drain.nanoseconds
            plan.connectTimeout = connectTimeout.nanoseconds
            plan.connectConcurrency = connectConcurrency
            plan.processes = try processes()
            try PlanCheck.check(plan)
            return plan
        } catch {
            throw ValidationError(error.description)
        }
    }

    private func processes() throws(LoadFailure) -> ProcessChoice {
        if pid == [.auto] { return .automatic }
        if pid == [.none] { return .none }
        var pids: [Int32] = []
        for process in pid {
            guard case .pid(let number) = process else {
                throw LoadFailure("--pid: auto and none stand alone, without a process id")
            }
            pids.append(number)
        }
        return .listed(pids)
    }
}

/// Refuses plans that cannot work, naming the option.
enum PlanCheck {
    static func check(_ plan: LoadPlan) throws(LoadFailure) {
        try require(!plan.targets.isEmpty, "--target is missing")
        try require((1...64).contains(plan.threads), "--threads must be 1 to 64")
        try require(plan.duration >= 1_000_000, "--duration must be at least 1ms")
        try require((1...10_000).contains(plan.connectConcurrency), "--connect-concurrency must be 1 to 10000")
        try require(plan.connectTimeout >= 1_000_000, "--connect-timeout must be at least 1ms")
        try require(plan.namespace.hasPrefix("/"), "--namespace must begin with /")
        try require(!plan.namespace.contains(","), "--namespace must not contain a comma")
        try require(plan.auth.isEmpty || plan.auth.hasPrefix("{"), "--auth must be a JSON object, {\"token\":\"…\"}")
        for header in plan.headers {
            let isLine = !header.utf8.contains { $0 < 0x20 || $0 == 0x7F }
            try require(header.contains(":") && isLine, "--header \(header): must be \"Name: value\" on one line")
        }
        for part in plan.parts { try check(part, threads: plan.threads) }
        try require(plan.connections <= 1_000_000, "--connections must be at most 1000000 in all")
    }

    private static func check(_ part: LoadPart, threads: Int) throws(LoadFailure) {
        try require(part.connections >= 1, "--connections must be at least 1")
        try require((1...65536).contains(part.inFlight), "--in-flight must be 1 to 65536")
        try require(
            (MessageStamp.length...(1 << 20)).contains(part.size),
            "--size must be \(MessageStamp.length) to \(1 << 20) characters: the first \(MessageStamp.length) tell"
                + " the messages apart")
        if let rate = part.rate {
            try require(rate > 0 && rate <= 10_000_000, "--rate must be above 0 and at most 10000000")
        }
        guard part.work == .publish else { return }
        try require(part.rooms >= 1, "--rooms must be at least 1")
        try require(
            (1...part.receivers).contains(part.publishersPerRoom),
            "--publishers must be 1 to the \(part.receivers) members of a room")
        let checks = part.connections * part.publishersPerRoom
        try require(
            checks <= 100_000_000,
            "--publishers \(part.publishersPerRoom) with \(part.connections) connections: checking every delivery needs"
                + " \(checks) counters, at most 100000000 are kept")
        try require(
            part.senders * part.inFlight <= 50_000_000,
            "--in-flight \(part.inFlight) is too many for so many publishers")
    }

    private static func require(_ condition: Bool, _ text: String) throws(LoadFailure) {
        if !condition { throw LoadFailure(text) }
    }
}
