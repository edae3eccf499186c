// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser

/// Loads a Socket.IO server and measures it.
@main
struct LoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "socketio-load",
        abstract:
            "Loads any Socket.IO v4 server, checks every delivery and measures rate, latency, CPU time and memory.",
        discussion: """
            The server needs the events echo (acknowledges with its arguments), join (room; acknowledges) and msg (room, \
            payload; sends msg with the payload to the room). Other names are given with options. \
            docs/performance.md has such a server in a few lines and tells how to measure.

            EXAMPLES
              socketio-load echo -t http://127.0.0.1:3000 -c 1000 --in-flight 8
              socketio-load broadcast -c 5000 --rate 20 --duration 30s
              socketio-load rooms --rooms 100 --members 10
              socketio-load connect -c 50 --transport upgrade
              socketio-load jitter --duration 1m
              socketio-load compare http://127.0.0.1:3000 http://127.0.0.1:3100 --rounds 5 -- echo -c 1000

            EXIT CODES
              0  everything was delivered once and in order
              1  the run could not be made
              2  something was lost, doubled, out of order or damaged, or a connection broke
              64 wrong usage
            """,
        subcommands: [
            EchoCommand.self, BroadcastCommand.self, RoomsCommand.self, ConnectCommand.self, IdleCommand.self,
            PollingCommand.self, MixedCommand.self, JitterCommand.self, CompareCommand.self,
        ])
}

/// A mode: options that become a plan.
protocol ScenarioCommand: ParsableCommand {
    var run: RunOptions { get }

    func plan() throws -> LoadPlan
}

extension ScenarioCommand {
    func validate() throws { _ = try plan() }

    func run() throws {
        let progress = ProgressLine(isShown: !run.quiet)
        let report: LoadReport
        do {
            report = try LoadRun.run(plan(), progress: progress)
        } catch let failure as LoadFailure {
            progress.end()
            throw failure
        }
        try ReportOutput.write(report, text: ReportTable.text(report), asJSON: run.json, file: run.output)
        if !report.faults.isEmpty { throw ExitCode(2) }
    }
}
