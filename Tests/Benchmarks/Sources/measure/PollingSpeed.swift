// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser

/// What a message and its acknowledgement cost over long-polling, over real sockets of this process.
struct PollingSpeed: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "polling-speed",
        abstract: "Measures an echo over long-polling; see docs/performance.md.",
        discussion: """
            A POST that carries an event, and a GET that fetches its acknowledgement, each on a connection of its own that is kept. \
            CPU time is that of the event loop alone, user and system.
            """)

    @Option(help: "Echoes to measure.")
    var count = 1_000

    @Option(help: "Characters of the message.")
    var size = 64

    mutating func validate() throws {
        guard count > 0, (0...8_000).contains(size) else {
            throw ValidationError("--count must be above 0, and --size 0 to 8000")
        }
    }

    func run() throws {
        let server = try MeasuredServer()
        let client = try PollingClient(port: server.port)
        let text = String(repeating: "x", count: size)
        try server.measure("polling", "echoes \(count)", count: count) { try client.echo(text) }
        client.close()
        try server.close()
    }
}
