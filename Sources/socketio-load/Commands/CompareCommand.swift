// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser

/// `compare`: the same load on two servers in turns.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Runs a mode on two servers in turns, A B A B, and prints ratios of medians.",
        discussion: """
            Everything after -- is a mode with its options; --target does not belong there. On a noisy machine ratios \
            of runs that follow each other tell more than any single figure.

            EXAMPLES
              socketio-load compare http://127.0.0.1:3000 http://127.0.0.1:3100 -- echo -c 1000
              socketio-load compare http://127.0.0.1:3000 http://127.0.0.1:3100 --rounds 7 --json -- \
            broadcast -c 1000 --in-flight 64 --duration 5s
            """)

    @Argument(help: "Server A; several targets of one cluster with commas between them.")
    var first: String

    @Argument(help: "Server B.")
    var second: String

    @Option(help: "Runs of each server.")
    var rounds = 3

    @Option(help: "Rest before each run.")
    var pause: DurationArgument = .seconds(1)

    @Flag(help: "Print the comparison, with the reports of all runs, as JSON.")
    var json = false

    @Option(help: "Also write it to a file.")
    var output: String?

    @Flag(name: .shortAndLong, help: "No progress on standard error.")
    var quiet = false

    @Argument(parsing: .postTerminator, help: "A mode and its options.")
    var scenario: [String] = []

    mutating func validate() throws {
        guard (1...1000).contains(rounds) else { throw ValidationError("--rounds must be 1 to 1000") }
        for side in [first, second] {
            // A second run would find the memory which the first one left.
            guard try plan(side).mode != "idle" || rounds == 1 else {
                throw ValidationError("--rounds must be 1 for idle, with both servers freshly started")
            }
        }
    }

    private func plan(_ side: String) throws -> LoadPlan {
        guard let mode = scenario.first else {
            throw ValidationError("the mode is missing: put it after --, for example -- echo -c 1000")
        }
        let command: any ParsableCommand
        do {
            command = try LoadCommand.parseAsRoot(scenario)
        } catch {
            throw ValidationError("after --: \(LoadCommand.message(for: error))")
        }
        guard let command = command as? any ScenarioCommand else {
            throw ValidationError("after --: \(mode) cannot be compared")
        }
        var plan = try command.plan()
        do {
            plan.targets = try side.split(separator: ",").map { text throws(LoadFailure) in try LoadTarget(String(text))
            }
        } catch {
            throw ValidationError(error.description)
        }
        return plan
    }

    func run() throws {
        var reports: [[LoadReport]] = [[], []]
        var progress = ProgressLine(isShown: !quiet)
        for round in 1...rounds {
            for (index, side) in [first, second].enumerated() {
                MonotonicClock.rest(milliseconds: UInt32(pause.nanoseconds / 1_000_000))
                progress.label = "\(round)/\(rounds) \(index == 0 ? "A" : "B") "
                do {
                    reports[index].append(try LoadRun.run(plan(side), progress: progress))
                } catch let failure as LoadFailure {
                    progress.end()
                    throw failure
                }
            }
        }
        let comparison = Comparison(scenario: scenario, first: reports[0], second: reports[1])
        try ReportOutput.write(comparison, text: comparison.text, asJSON: json, file: output)
        if !comparison.faults.isEmpty { throw ExitCode(2) }
    }
}
