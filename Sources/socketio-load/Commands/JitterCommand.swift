// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser

/// `jitter`: what clients get whose links break.
struct JitterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jitter", abstract: "Members of a room lose their links and return; counts what they miss.",
        discussion: """
            One more client sends numbered messages to the room, and its link is never cut. Members behave as official \
            clients: with connection state recovery they continue their sessions, otherwise they join the room again and \
            have missed what was sent meanwhile. With several targets each return is to the next one.

            EXAMPLES
              socketio-load jitter                                  20 members, 20 messages/s, away for 1.5 s
              socketio-load jitter -t http://127.0.0.1:3001 -t http://127.0.0.1:3002
              socketio-load jitter --away 20ms --cut-every 500ms    fast returns
              socketio-load jitter --silent                         the server does not notice the losses
              socketio-load jitter --together --members 5000 --rate 2 --cut-every 10s --duration 15s --return-within 10s
                                                                    everybody returns at once
            """)

    @Option(
        name: .shortAndLong,
        help: "Server to connect to, http://HOST:PORT[/PATH]; repeat it to have members move between several.")
    var target: [String] = ["http://127.0.0.1:3000"]

    @Option(help: "Members of the room.")
    var members = 20

    @Option(help: "Messages per second.")
    var rate = 20.0

    @Option(help: "Mean time between two losses of one link; each is 0.5 to 1.5 times that.")
    var cutEvery: DurationArgument = .seconds(4)

    @Flag(help: "Cut all links at the same moment.")
    var together = false

    @Option(help: "How long a member stays away.")
    var away: DurationArgument = .milliseconds(1500)

    @Flag(help: "Members return to the target they were at.")
    var stay = false

    @Flag(help: "Leave the old connections open, so that the server does not notice that they are lost.")
    var silent = false

    @Option(name: .shortAndLong, help: "How long messages are sent and links cut.")
    var duration: DurationArgument = .seconds(30)

    @Option(help: "Longest time to wait at the end for what is on its way.")
    var drain: DurationArgument = .seconds(15)

    @Option(help: "Longest time for one client to connect.")
    var connectTimeout: DurationArgument = .seconds(15)

    @Option(help: "Longest time that a return may take; a longer one is a fault.")
    var returnWithin: DurationArgument?

    @Option(help: "Namespace.")
    var namespace = "/"

    @Option(help: "JSON object sent as `auth`.")
    var auth: String?

    @Option(help: "Header of all requests, \"Name: value\"; may be repeated.")
    var header: [String] = []

    @OptionGroup var events: RoomEventOptions

    @Flag(help: "Print the report as JSON.")
    var json = false

    @Option(help: "Also write the report as JSON to a file.")
    var output: String?

    @Flag(name: .shortAndLong, help: "No progress on standard error.")
    var quiet = false

    func plan() throws(LoadFailure) -> JitterPlan {
        var plan = JitterPlan(targets: try target.map { text throws(LoadFailure) in try LoadTarget(text) })
        plan.members = members
        plan.rate = rate
        plan.cutEvery = cutEvery.nanoseconds
        plan.cutsTogether = together
        plan.away = away.nanoseconds
        plan.staysAtTarget = stay
        plan.isSilent = silent
        plan.duration = duration.nanoseconds
        plan.drain = drain.nanoseconds
        plan.connectTimeout = connectTimeout.nanoseconds
        plan.returnWithin = returnWithin?.nanoseconds
        plan.events = events.names
        plan.namespace = namespace
        plan.auth = auth ?? ""
        plan.headers = header
        try plan.check()
        return plan
    }

    func validate() throws {
        do {
            _ = try plan()
        } catch {
            throw ValidationError(error.description)
        }
    }

    func run() throws {
        let report = try JitterRun.run(plan(), progress: ProgressLine(isShown: !quiet))
        try ReportOutput.write(report, text: report.text, asJSON: json, file: output)
        if !report.counts.faults.isEmpty { throw ExitCode(2) }
    }
}
