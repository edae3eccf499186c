// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import Foundation
internal import Glibc

/// `top`: what a node does at this moment.
struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Watch a running node: clients, traffic, memory, cluster.",
        discussion: """
            Reads /metrics of the operations listener again and again. When the node has
            an operations.token, the command needs it as its token. Ctrl-C ends it.

            Examples:
              socketio-server top --config /etc/socketio/socketio.yaml
              SOCKETIO_TOKEN=… socketio-server top --url http://10.0.0.1:9464
              socketio-server top --url http://127.0.0.1:9464 --count 2 --interval-ms 1000

            Exit codes: 0 after --count views, 1 the node could not be asked or refused,
            64 wrong usage, 78 wrong settings, or no node named.
            """)

    @OptionGroup var remote: RemoteOptions

    @Option(help: ArgumentHelp("Time between two views, in milliseconds.", valueName: "ms"))
    var intervalMs = 2_000

    @Option(help: ArgumentHelp("End after so many views; 0 goes on until Ctrl-C.", valueName: "number"))
    var count = 0

    func validate() throws {
        if intervalMs < 100 || intervalMs > 3_600_000 {
            throw ValidationError("--interval-ms must be 100 to 3600000.")
        }
        if count < 0 { throw ValidationError("--count must not be negative.") }
    }

    func run() async throws {
        let node = try await remote.client(for: .operations)
        let isTerminal = isatty(STDOUT_FILENO) == 1
        try await node.use { connected in
            var before: (reading: MetricReading, time: ContinuousClock.Instant)?
            var views = 0
            while true {
                var text: String
                do {
                    let now = (reading: MetricReading(try await connected.metrics()), time: ContinuousClock.now)
                    let passed = before.map { ($0.time.duration(to: now.time)) / .seconds(1) } ?? 0
                    text = TopReport(now: now.reading, before: before?.reading, seconds: passed)
                        .text(url: node.url, unixTime: Date().timeIntervalSince1970)
                    before = now
                } catch let failure as RemoteFailure {
                    // A node that restarts comes back; one that was never there is a mistake.
                    guard before != nil else { throw failure }
                    text = "\(failure)\n"
                }
                // Home, and the rest of the terminal empty, as in other programs of this name.
                print(isTerminal ? "\u{1b}[H\u{1b}[2J" + text : text + "\n", terminator: "")
                fflush(nil)
                views += 1
                if views == count { return }
                try await Task.sleep(for: .milliseconds(intervalMs))
            }
        }
    }
}
