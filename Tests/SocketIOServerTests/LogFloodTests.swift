// Part of socketio-server, MIT licence; see LICENSE.

import Logging
import NIOConcurrencyHelpers
import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// What a client does any number of times is a line a second in the log, with the number of those left out.
@Suite("Log floods")
struct LogFloodTests {
    private struct Failure: Error {}

    private struct LineHandler: LogHandler {
        let lines: Recorder<String>
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.append("\(event.message)|\(event.metadata?["leftOut"].map { "\($0)" } ?? "0")")
            if let user = event.metadata?["user"] { lines.append("user \(user)") }
        }
    }

    /// How a client fails, by the event it sends, and what is then logged.
    private static let floods: [(event: String, line: String)] = [
        ("join", "A join was refused"), ("fail", "An event of a socket failed"),
        ("fail later", "An event of a socket failed"), ("all", "serverSideEmit reaches no server"),
    ]

    @Test("a user over a rate is named, whichever namespace has named them")
    func userOverRate() async throws {
        let lines = Recorder<String>()
        try await withServer(
            loops: 1,
            {
                $0.logger = Logger(label: "test") { _ in LineHandler(lines: lines) }
                $0.rates.action = .drop
                $0.rates.burstSeconds = 1
                $0.rates.user.eventsPerSecond = 10
            }
        ) { io, address in
            io.onConnection { $0.rateIdentity = "somebody else" }
            io.of("/n").onConnection { $0.rateIdentity = "ada " + String(repeating: "x", count: 1_000) }
            let client = try await SocketTestClient.connect(to: address)
            let socket = try await client.join()
            _ = try await client.join("/n")
            for _ in 0..<40 { try await socket.emit("n") }
            try await eventually("the line") { lines.all.contains("A client goes over a rate|0") }
            try await eventually("the user") { lines.all.contains { $0.hasPrefix("user ") } }
            let users = lines.all.filter { $0.hasPrefix("user ") }
            #expect(users == ["user ada " + String(repeating: "x", count: 252)])
        }
    }

    @Test("events, six thousand of each kind", arguments: floods.indices)
    func events(index: Int) async throws {
        let (event, text) = Self.floods[index]
        let lines = Recorder<String>()
        try await withServer(
            loops: 1,
            {
                $0.logger = Logger(label: "test") { _ in LineHandler(lines: lines) }
                $0.maxWaitingEvents = 10_000
            }
        ) { io, address in
            io.onConnection { socket in
                socket.on("join") { (room: String) in socket.join(room) }
                socket.on("fail") { (_: String) throws in throw Failure() }
                socket.on("fail later") { (_: String) async throws in
                    await Task.yield()
                    throw Failure()
                }
                socket.on("all") { (_: String) async throws in try await io.serverSideEmit("x") }
            }
            let socket = try await connect(1, to: address)[0]
            let name = String(repeating: "r", count: io.configuration.maxNameLength + 1)
            let start = ContinuousClock.now
            for _ in 0..<6_000 { try await socket.emit(event, .string(name)) }
            /// Lines of this kind, and how often what they tell of has happened.
            func told() -> (lines: Int, events: Int) {
                let found = lines.all.filter { $0.hasPrefix(text) }
                return (found.count, found.reduce(0) { $0 + 1 + (Int($1.split(separator: "|").last ?? "") ?? 0) })
            }
            // A count in a line of its own is not for an event more.
            try await eventually("all are told", within: .seconds(60)) { told().events >= 6_000 }
            let seconds = Int((ContinuousClock.now - start) / .seconds(1))
            #expect(told().lines <= 3 + seconds, "\(told().lines) lines in \(seconds) s")
            #expect(told().events <= 6_000 + told().lines)
        }
    }

    @Test("connections that a middleware fails, and names no matcher decides on")
    func connections() async throws {
        let lines = Recorder<String>()
        try await withServer(
            loops: 1,
            {
                $0.logger = Logger(label: "test") { _ in LineHandler(lines: lines) }
            }
        ) { io, address in
            io.of("/closed").use { _ in throw Failure() }
            _ = io.of { name, _ in
                if name.hasPrefix("/odd") { throw Failure() }
                return false
            }
            let start = ContinuousClock.now
            for number in 0..<200 {
                let client = try await SocketTestClient.connect(to: address)
                for name in ["/closed", "/odd\(number)"] {
                    #expect(await refusal { try await client.join(name) } != nil)
                }
                await client.close()
            }
            for text in ["A middleware failed", "The matcher of a dynamic namespace failed"] {
                let seconds = Int((ContinuousClock.now - start) / .seconds(1))
                let count = lines.all.count { $0.hasPrefix(text) }
                #expect(count >= 1 && count <= 3 + seconds, "\(count) lines in \(seconds) s: \(text)")
            }
        }
    }
}
