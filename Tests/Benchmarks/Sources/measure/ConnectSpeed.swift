// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser

/// What a client costs that connects with WebSocket and leaves, over real sockets of this process.
struct ConnectSpeed: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connect-speed",
        abstract: "Measures clients that connect, say goodbye and go; see docs/performance.md.",
        discussion: """
            From the accept to the close: the request and its 101, the session, the connect packet and its answer, the disconnect \
            packet and the close frame. CPU time is that of the event loop alone, user and system.
            """)

    @Option(help: "Connects to measure.")
    var count = 1_000

    mutating func validate() throws {
        guard count > 0 else { throw ValidationError("--count must be above 0") }
    }

    func run() throws {
        let server = try MeasuredServer()
        try server.measure("connect", "connects \(count)", count: count) {
            try PassiveClient(port: server.port).leave()
        }
        try server.close()
    }
}
