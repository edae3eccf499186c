// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import Foundation
internal import SocketIOServer

/// Measures how clients that never read affect the memory of a server and the other clients of their room.
struct SlowReaders: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "slow-readers",
        abstract: "Broadcasts to a room in which some clients read nothing; see docs/operations.md.",
        discussion: """
            Each broadcast is sent when all that read have got the one before. Printed are how much the resident memory of this process, \
            which holds server and clients, grew at most, how long a broadcast took until the last reader had it, and how many of \
            those that read nothing were disconnected.
            """)

    @Option(help: "Clients that read everything.")
    var readers = 1

    @Option(help: "Clients that read nothing.")
    var stalled = 1

    @Option(help: "Megabytes to send to each, in sum.")
    var megabytes = 100

    @Option(help: "Characters of a message.")
    var size = 65_536

    @Option(help: "Event loops of the server.")
    var eventLoops = 1

    mutating func validate() throws {
        guard (1...10_000).contains(readers), (0...10_000).contains(stalled), (1...10_000).contains(megabytes),
            (1...4_000_000).contains(size), (1...64).contains(eventLoops)
        else {
            throw ValidationError(
                "--readers must be 1 to 10000, --stalled 0 to 10000, --megabytes 1 to 10000, --size 1 to 4000000 and "
                    + "--event-loops 1 to 64")
        }
    }

    func run() throws {
        let server = try MeasuredServer(eventLoops: eventLoops)
        server.io.onConnection { $0.join("everybody") }
        let reading = try (0..<readers).map { _ in try PassiveClient(port: server.port) }
        let standing = try (0..<stalled).map { _ in try PassiveClient(port: server.port, keepsLittle: true) }
        let text = String(repeating: "x", count: size)
        let room = server.io.to("everybody")
        // `42["msg","…"]` with its frame header.
        let length = size + 12
        let frame = length + (length < 126 ? 2 : length <= 0xFFFF ? 4 : 10)
        let rounds = max(1, megabytes * 1_000_000 / frame)
        // Warm up first: one-time allocations, such as the pages of a new arena, must not count.
        for _ in 0..<5 {
            room.emit("msg", text)
            for reader in reading { try reader.skip(frame) }
        }
        let before = Self.residentBytes()
        var largest = before
        var times: [Duration] = []
        let clock = ContinuousClock()
        for _ in 0..<rounds {
            let start = clock.now
            room.emit("msg", text)
            for reader in reading { try reader.skip(frame) }
            times.append(clock.now - start)
            largest = max(largest, Self.residentBytes())
        }
        times.sort()
        let gone = readers + stalled - server.io.engine.clientsCount
        let percentile = { (share: Double) in
            let time = times[min(times.count - 1, Int(Double(times.count) * share))]
            return (time / .milliseconds(1) * 1000).rounded() / 1000
        }
        print(
            "slow-readers\treaders \(readers)\tstalled \(stalled)\tloops \(eventLoops)\tbroadcasts \(rounds) of \(size)"
                + "\tgrowth \((largest - before) / 1024) KiB\tp50 \(percentile(0.5)) ms\tp99 \(percentile(0.99)) ms"
                + "\tdisconnected \(gone)")
        for client in reading + standing { client.close() }
        try server.close()
    }

    private static func residentBytes() -> Int {
        let pages =
            (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?
            .split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
