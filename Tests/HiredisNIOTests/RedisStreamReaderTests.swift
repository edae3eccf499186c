// Part of socketio-server, MIT licence; see LICENSE.

import LoopConfinement
import NIOCore
import NIOPosix
import ProcessTesting
import Testing

@testable import HiredisNIO

/// What a reader delivers, and the reader.
private final class StreamListener: Sendable {
    let reader: LoopBound<RedisStreamReader>
    let values = Recorder<String>()
    let starts = Recorder<RedisStreamID>()
    let gaps = Recorder<Int>()

    init(_ configuration: RedisConfiguration, stream: String = "s", pageSize: Int = 5) {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let (values, starts, gaps) = (values, starts, gaps)
        var handlers = RedisStreamReader.Handlers { entries in
            for entry in entries { values.append(entry.fields.map { String(buffer: $0.value) }.joined(separator: ",")) }
        }
        handlers.onStart = { starts.append($0) }
        handlers.onGap = { gaps.append(1) }
        reader = LoopBound(
            RedisStreamReader(
                stream: stream, configuration: configuration, eventLoop: eventLoop, logger: silentLogger,
                pageSize: pageSize, block: .milliseconds(100), handlers: handlers),
            on: eventLoop)
        reader.run { $0.start() }
    }

    func close() async { await reader.get { $0.close() } }
}

/// Against a real redis-server.
@Suite("Redis streams", .serialized, .timeLimit(.minutes(2)))
struct RedisStreamReaderTests {
    private func append(_ client: RedisClient, _ values: ClosedRange<Int>, stream: String = "s") async throws {
        let replies = await client.execute(
            pipeline: values.map {
                .append(to: stream, fields: [("v", ByteBuffer(string: "\($0)"))], maximumLength: 10_000)
            })
        for reply in replies {
            let id = try #require(try reply.get().bytes)
            #expect(RedisStreamID(id) != nil)
        }
    }

    /// How often XREAD has been answered.
    private func readCount(_ client: RedisClient) async throws -> Int {
        let statistics = try await client.run("INFO", "commandstats").stringValue ?? ""
        guard let line = statistics.split(whereSeparator: \.isNewline).first(where: { $0.hasPrefix("cmdstat_xread:") })
        else { return 0 }
        return Int(line.drop { $0 != "=" }.dropFirst().prefix { $0 != "," }) ?? 0
    }

    @Test("Entries arrive in order, each once; quiet times lose nothing")
    func reading() async throws {
        let server = try await RedisServer.started()
        let client = try await server.admin()
        try await append(client, 1...3)
        let listener = StreamListener(server.configuration)
        try await eventually("the end is known") { listener.starts.count == 1 }
        try await append(client, 4...30)
        try await eventually("all are read") { listener.values.count == 27 }
        for value in 31...36 {
            let before = try await readCount(client)
            try await eventually("a wait ends without an entry") { try await readCount(client) > before + 1 }
            try await append(client, value...value)
        }
        try await eventually("all are read") { listener.values.count == 33 }
        #expect(listener.values.values == (4...36).map { "\($0)" })
        #expect(listener.gaps.count == 0)
        await listener.close()
        await client.close()
    }

    @Test("What is added while Redis is away from the reader is read after it")
    func reconnecting() async throws {
        let server = try await RedisServer.started()
        let client = try await server.admin()
        let listener = StreamListener(server.configuration)
        try await eventually("the end is known") { listener.starts.count == 1 }
        try await append(client, 1...2)
        try await eventually("both are read") { listener.values.count == 2 }
        for round in 0..<3 {
            _ = try await client.run("CLIENT KILL", "TYPE", "normal", "SKIPME", "yes")
            try await append(client, (3 + 20 * round)...(22 + 20 * round))
        }
        try await eventually("all are read") { listener.values.count == 62 }
        #expect(listener.values.values == (1...62).map { "\($0)" })
        #expect(listener.gaps.count == 0)
        await listener.close()
        await client.close()
    }

    @Test("A stream that was trimmed beyond the reader is a gap, and the rest is read")
    func trimmed() async throws {
        let server = try await RedisServer.started()
        let proxy = try await TestProxy(to: server.port)
        let client = try await server.admin()
        let listener = StreamListener(proxy.configuration, pageSize: 100)
        try await eventually("the end is known") { listener.starts.count == 1 }
        try await append(client, 1...2)
        try await eventually("both are read") { listener.values.count == 2 }
        proxy.set { $0.swallowsToServer = true }
        try await append(client, 3...50)
        _ = try await client.run("XTRIM", "s", "MAXLEN", "10")
        _ = try await client.run("CLIENT KILL", "TYPE", "normal", "SKIPME", "yes")
        proxy.set { $0.swallowsToServer = false }
        try await eventually("the rest is read") { listener.values.values.last == "50" }
        #expect(listener.gaps.count == 1)
        #expect(listener.values.values.suffix(10) == (41...50).map { "\($0)" })
        await listener.close()
        await client.close()
    }

    @Test("Entries over the limits of replies are passed over and told; the reader goes on")
    func largeEntries() async throws {
        let server = try await RedisServer.started()
        let client = try await server.admin()
        var configuration = server.configuration
        configuration.limits.maximumBulkLength = 1000
        let listener = StreamListener(configuration)
        try await eventually("the end is known") { listener.starts.count == 1 }
        try await append(client, 1...2)
        try await eventually("both are read") { listener.values.count == 2 }
        let large = ByteBuffer(repeating: 0x61, count: 1001)
        _ = try await client.execute(.append(to: "s", fields: [("v", large)], maximumLength: 100))
        try await eventually("it is told") { listener.gaps.count == 1 }
        try await append(client, 3...20)
        try await eventually("the reader goes on") { listener.values.values.last == "20" }
        #expect(listener.values.values == (1...20).map { "\($0)" })
        await listener.close()
        await client.close()
    }

    @Test(
        "Entries of very many fields are passed over and told; the reader goes on",
        arguments: [("many", 400), ("far too many", 2_000)])
    func entriesOfManyFields(name: String, fields: Int) async throws {
        let server = try await RedisServer.started()
        let client = try await server.admin()
        var configuration = server.configuration
        configuration.limits.maximumElements = 100
        let entry = RESPCommand(
            "XADD", arguments: ["s", "*"] + (0..<2 * fields).map { "\($0)" } as [any RESPArgument])
        // Also as the newest entry at the start, which later is the oldest.
        _ = try await client.execute(entry)
        let listener = StreamListener(configuration)
        try await eventually("the end is known") { listener.starts.count == 1 }
        try await append(client, 1...2)
        try await eventually("both are read") { listener.values.count == 2 }
        _ = try await client.execute(entry)
        try await append(client, 3...20)
        try await eventually("the reader goes on", within: .seconds(20)) { listener.values.values.last == "20" }
        #expect(listener.values.values == (1...20).map { "\($0)" })
        #expect(listener.gaps.count == 1)
        await listener.close()
        await client.close()
    }

    @Test("Pages of a stream, and a key that only one of two takes")
    func commands() async throws {
        let server = try await RedisServer.started()
        let client = try await server.admin()
        try await append(client, 1...10)
        let newest = try RedisStreamEntry.entries(of: try await client.execute(.newest(of: "s")))
        let oldest = try RedisStreamEntry.entries(of: try await client.execute(.oldest(of: "s")))
        let (last, first) = (try #require(newest.first?.id), try #require(oldest.first?.id))
        let page = try RedisStreamEntry.entries(
            of: try await client.execute(.range("s", after: first, through: last, count: 4)))
        #expect(page.map { String(buffer: $0.fields[0].value) } == ["2", "3", "4", "5"])
        let rest = try RedisStreamEntry.entries(
            of: try await client.execute(.range("s", after: page[3].id, through: last, count: 100)))
        #expect(rest.count == 5 && rest.last?.id == last)

        _ = try await client.run("SET", "k", "value")
        async let one = client.take("k")
        async let two = client.take("k")
        let taken = try await [one, two].compactMap { $0 }
        #expect(taken.map { String(buffer: $0) } == ["value"])
        #expect(try await client.take("k") == nil)
        await client.close()
    }
}
