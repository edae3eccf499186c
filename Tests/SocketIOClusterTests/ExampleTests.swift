// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Glibc
internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

/// The example of docs/adapters.md: two processes over a Unix domain socket.
@Suite("Unix bus example")
struct ExampleTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    @Test(
        "the page shows the examples as they are built",
        arguments: [
            ("docs/examples/unix-bus/UnixBus/UnixTransport.swift", "/// Connects one server to the others"),
            ("docs/examples/pair-adapter/PairAdapter.swift", "/// Joins two servers of one process"),
            ("docs/examples/pair-adapter/PairAdapter.swift", "/// Does everything on this server first"),
            ("Tests/SocketIOClusterTests/ForwardingAdapterTests.swift", "/// Counts what is broadcast"),
        ])
    func page(file: String, start: String) throws {
        let page = try String(contentsOf: Self.root.appendingPathComponent("docs/adapters.md"), encoding: .utf8)
        let source = try String(contentsOf: Self.root.appendingPathComponent(file), encoding: .utf8)
        let begin = try #require(source.range(of: start)).lowerBound
        let rest = source[begin...]
        let end = try #require(rest.range(of: "\n}\n")).upperBound
        #expect(page.contains(rest[..<end]), "\(file) has changed")
    }

    /// A block of code that is changed on the page must be changed where the compiler sees it.
    @Test("every block of the page is compiled")
    func blocks() throws {
        func text(_ path: String) throws -> String {
            try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
        }
        func lines(_ text: String) -> [String] {
            text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        }
        let sources = try [
            "docs/examples/unix-bus/UnixBus/UnixTransport.swift", "docs/examples/pair-adapter/PairAdapter.swift",
            "Tests/SocketIOClusterTests/ForwardingAdapterTests.swift",
            "Tests/SocketIOClusterTests/AdapterPageExamples.swift",
        ].flatMap { lines(try text($0)) }
        let blocks = try text("docs/adapters.md").components(separatedBy: "```swift\n").dropFirst()
            .map { lines($0.components(separatedBy: "```")[0]) }
        #expect(blocks.count >= 8)
        // A test with the reader's own transport.
        for block in blocks where !block[0].hasPrefix("@Test") {
            let isThere = sources.indices.contains { sources[$0...].starts(with: block) }
            #expect(isThere, "not compiled: \(block.joined(separator: "\n"))")
        }
    }

    @Test("binary events, acknowledgements, serverSideEmit and fetchSockets go from process to process")
    func twoProcesses() async throws {
        let path = "/tmp/unix-bus-\(UUID().uuidString.prefix(8)).sock"
        defer { unlink(path) }
        let one = try RunningProcess(BuiltProduct.path("unix-bus-example"), [path, "one", "--hub"])
        let first = try await client(of: one)
        let two = try RunningProcess(BuiltProduct.path("unix-bus-example"), [path, "two"])
        let second = try await client(of: two)

        try await eventually("the servers know each other", within: .seconds(30)) {
            guard try await first.emitWithAck("servers") == [["two"]] else { return false }
            return try await second.emitWithAck("servers") == [["one"]]
        }
        try await first.emit("say", ["bytes": .binary([1, 2, 3])], "text")
        for socket in [first, second] {
            #expect(try await socket.next("said").arguments == [["bytes": .binary([1, 2, 3])], "text"])
        }
        second.answer("question") { [.string("answer to \($0[0].string ?? "")")] }
        #expect(try await first.emitWithAck("ask", "what?") == [["answer to what?"]])
        guard case .array(let ids)? = try await second.emitWithAck("who").first else {
            throw TestFailure("no list of sockets")
        }
        #expect(Set(ids) == [.string(first.id), .string(second.id)])

        // A process that is killed is missed by nobody after its time.
        two.kill()
        try await eventually("one server is left", within: .seconds(30)) {
            try await first.emitWithAck("who") == [[.string(first.id)]]
        }
        one.kill()
    }

    private func client(of process: RunningProcess) async throws -> TestSocket {
        let port = try await process.line { line in
            line.contains(" listens on ") ? line.firstMatch(of: /:(\d+)/).flatMap { Int($0.1) } : nil
        }
        return try await SocketTestClient.connect(to: ServerAddress(port: port)).join()
    }
}
