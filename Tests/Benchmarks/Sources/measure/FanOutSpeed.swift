// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import NIOCore
internal import SocketIOServer

/// What a broadcast costs an event loop for each recipient, over real sockets of this process.
struct FanOutSpeed: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fan-out-speed",
        abstract: "Measures a broadcast to clients that do nothing but read; see docs/performance.md.",
        discussion: """
            From emit to the last send: the frame, the room, the staged messages, one system call for each recipient. CPU time is \
            that of the event loop alone, user and system. Under callgrind, which sees no kernel, the server's part is counted.
            """)

    @Option(help: "Clients in the room.")
    var recipients = 1_000

    @Option(help: "Broadcasts to measure.")
    var count = 1_000

    @Option(help: "Characters of the message.")
    var size = 64

    mutating func validate() throws {
        guard (1...50_000).contains(recipients), count > 0, (0...16_000).contains(size) else {
            throw ValidationError("--recipients must be 1 to 50000, --count above 0, and --size 0 to 16000")
        }
    }

    func run() throws {
        let server = try MeasuredServer()
        server.io.onConnection { $0.join("everybody") }
        var readers: [PassiveClient] = []
        for _ in 0..<recipients { readers.append(try PassiveClient(port: server.port)) }
        let text = String(repeating: "x", count: size)
        let room = server.io.to("everybody")
        // `42["msg","…"]` with the header of its frame.
        let length = size + 12
        let frame = length + (length < 126 ? 2 : 4)
        var read = 0
        try server.measure(
            "fan-out", "recipients \(recipients)\tbroadcasts \(count)\tread \(read)", count: count, pieces: recipients
        ) {
            try server.loop.submit { room.emit("msg", text) }.wait()
            for reader in readers {
                try reader.readText(frame)
                read += 1
            }
        }
        for reader in readers { reader.close() }
        try server.close()
    }
}
