// Part of socketio-server, MIT licence; see LICENSE.

import Logging
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// Log lines with their metadata.
struct LineRecorder: LogHandler {
    struct Line: Sendable {
        let level: Logger.Level
        let message: String
        let metadata: [String: String]
    }

    let lines: Recorder<Line>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.append(
            Line(
                level: event.level, message: "\(event.message)",
                metadata: (event.metadata ?? [:]).mapValues { "\($0)" }))
    }

    /// A logger that writes there.
    static func logger(_ lines: Recorder<Line>) -> Logger { Logger(label: "test") { _ in LineRecorder(lines: lines) } }
}

@Suite("Arguments that do not fit a handler")
struct ArgumentMismatchTests {
    struct Order: Decodable, Sendable {
        struct Item: Decodable, Sendable { var price: Double }
        var items: [Item]
    }

    /// What a client sends to which handler, and what the log says.
    private static let cases: [(event: String, sent: [TestValue], argument: String, expected: String, got: String)] = [
        ("int", ["text"], "0", "Int", "a string"),
        ("int", [], "0", "Int", "nothing"),
        ("int", [.binary([1])], "0", "Int", "binary data"),
        ("int", [nil], "0", "Int", "null"),
        ("two", [1, ["a": 1]], "1", "String", "an object"),
        ("order", [["items": []], 1], "", "", ""),
        ("order", [["items": [["price": true]]]], "0", "Order with Double at .items[0].price", "an object"),
        ("order", [["items": [["cost": 1]]]], "0", "Order with a member at .items[0].price", "an object without it"),
        ("order", [[1]], "0", "Order", "an array"),
        ("reason", ["no reason"], "0", "DisconnectReason", "a string"),
    ]

    @Test("the log says what was expected and what came", arguments: cases.indices)
    func logged(index: Int) async throws {
        let (event, sent, argument, expected, got) = Self.cases[index]
        let lines = Recorder<LineRecorder.Line>()
        try await withServer({ $0.logger = LineRecorder.logger(lines) }) { io, address in
            let errors = Recorder<String>()
            io.onConnection { socket in
                socket.onError { errors.append("\($0)") }
                socket.on("int") { (_: Int) in }
                socket.on("two") { (_: Int, _: String) async in }
                socket.on("order") { (_: Order) in true }
                socket.on("reason") { (_: DisconnectReason) in }
                socket.on("end") { () in true }
            }
            let client = try await SocketTestClient.connect(to: address).join()
            try await client.emit(list: event, sent)
            _ = try await client.emitWithAck("end")
            guard !expected.isEmpty else { return #expect(lines.all.isEmpty) }
            let line = try #require(lines.all.first)
            #expect(line.level == .warning)
            #expect(line.message == "The arguments of an event do not fit its handler")
            #expect(line.metadata["event"] == event && line.metadata["argument"] == argument)
            #expect(line.metadata["expected"] == expected, "\(line.metadata)")
            #expect(line.metadata["got"]?.hasPrefix(got) == true, "\(line.metadata)")
            let told = try await errors.waitFor(1)[0]
            #expect(told.hasPrefix("argument \(argument) does not fit: expected \(expected)"), "\(told)")
        }
    }

    @Test("a thousand of them are a few lines")
    func limited() async throws {
        let lines = Recorder<LineRecorder.Line>()
        try await withServer({ $0.logger = LineRecorder.logger(lines) }) { io, address in
            io.onConnection { socket in
                socket.on("int") { (_: Int) in }
                socket.on("end") { () in true }
            }
            let client = try await SocketTestClient.connect(to: address).join()
            let start = ContinuousClock.now
            for _ in 0..<1_000 { try await client.emit("int", "x") }
            _ = try await client.emitWithAck("end")
            #expect(!lines.all.isEmpty)
            #expect(lines.count <= 3 + Int((ContinuousClock.now - start) / .seconds(1)))
        }
    }

    @Test(
        "names that belong to the protocol say what to call instead",
        arguments: [
            ("disconnect", "onDisconnect(_:)"), ("disconnecting", "onDisconnecting(_:)"),
            ("connect", "onConnection(_:)"),
        ])
    func reserved(event: String, call: String) async throws {
        let lines = Recorder<LineRecorder.Line>()
        try await withServer({ $0.logger = LineRecorder.logger(lines) }) { io, address in
            io.onConnection { socket in socket.on(event) { (_: String) in } }
            _ = try await SocketTestClient.connect(to: address).join()
            let line = try await lines.waitFor(1)[0]
            #expect(line.metadata["error"]?.contains("is a reserved event name: use \(call)") == true)
        }
    }

    @Test("a namespace says that connections are no events of other servers")
    func connection() async throws {
        let lines = Recorder<LineRecorder.Line>()
        try await withServer({ $0.logger = LineRecorder.logger(lines) }) { io, _ in
            io.of("/chat").on("connection") { () in }
            let line = try await lines.waitFor(1)[0]
            #expect(line.message == "A listener will never be called" && line.level == .error)
            #expect(line.metadata["error"]?.contains("use onConnection(_:)") == true)
        }
    }
}

extension TestSocket {
    /// Emits an event with a list of arguments.
    fileprivate func emit(list event: String, _ arguments: [TestValue]) async throws {
        switch arguments.count {
        case 0: try await emit(event)
        case 1: try await emit(event, arguments[0])
        default: try await emit(event, arguments[0], arguments[1])
        }
    }
}
