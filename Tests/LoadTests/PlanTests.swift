// Part of socketio-server, MIT licence; see LICENSE.

import ArgumentParser
import Glibc
import Testing

@testable import socketio_load

@Suite struct PlanTests {
    // MARK: Options

    @Test func durationsHaveUnits() {
        let table: [(String, UInt64?)] = [
            ("10", 10_000_000_000), ("10s", 10_000_000_000), ("500ms", 500_000_000), ("1.5m", 90_000_000_000),
            ("24h", 86_400_000_000_000), ("0", 0), ("25h", nil), ("-1s", nil), ("s", nil), ("", nil), ("nan", nil),
            ("10x", nil), ("inf", nil),
        ]
        for (text, expected) in table {
            #expect(DurationArgument(argument: text)?.nanoseconds == expected, "\(text)")
        }
    }

    @Test func targetsAreAddresses() throws {
        let target = try LoadTarget("http://example.org:8080/chat")
        #expect((target.host, target.port, target.path) == ("example.org", 8080, "/chat/"))
        #expect(try LoadTarget("127.0.0.1:3000").authority == "127.0.0.1:3000")
        #expect(try LoadTarget("ws://[::1]:3000/").authority == "[::1]:3000")
        #expect(try LoadTarget("http://[::1]").port == 80)
        for text in ["https://a", "http://", "http://a:0", "http://a:x", "http://a:70000", "http://a/?x=1", ""] {
            #expect(throws: LoadFailure.self, "\(text)") { try LoadTarget(text) }
        }
    }

    @Test func wrongOptionsAreNamed() {
        let table: [([String], String)] = [
            (["echo", "-c", "0"], "--connections"), (["echo", "--in-flight", "0"], "--in-flight"),
            (["echo", "--size", "31"], "--size"), (["echo", "--rate", "0"], "--rate"),
            (["echo", "--threads", "0"], "--threads"), (["echo", "--duration", "soon"], "--duration"),
            (["echo", "-t", "https://a"], "--target"), (["echo", "--namespace", "chat"], "--namespace"),
            (["echo", "--auth", "token"], "--auth"), (["echo", "--header", "a"], "--header"),
            (["echo", "--header", "a: b\r\nc: d"], "--header"), (["echo", "--pid", "auto", "--pid", "7"], "--pid"),
            (["broadcast", "-c", "10", "--publishers", "11"], "--publishers"),
            (["broadcast", "-c", "20000", "--publishers", "20000"], "--publishers"),
            (["rooms", "--rooms", "0"], "--rooms"), (["rooms", "--members", "0"], "--members"),
            (["mixed", "--echo-rate", "-1"], "--echo-rate"),
            (
                ["mixed", "--echo-rate", "0", "--room-rate", "0", "--polling-rate", "0", "--connect-rate", "0"],
                "--echo-rate"
            ),
            (["compare", "http://a", "http://b"], "--"),
            (["compare", "http://a", "http://b", "--rounds", "0", "--", "echo"], "--rounds"),
            (["compare", "http://a", "http://b", "--", "echo", "--size", "1"], "--size"),
            (["compare", "http://a", "http://b", "--", "idle"], "--rounds"),
            (["compare", "http://a", "https://b", "--", "echo"], "--target"),
            (["compare", "http://a", "http://b", "--", "compare", "a", "b", "--", "echo"], "cannot be compared"),
        ]
        for (arguments, name) in table {
            do {
                _ = try LoadCommand.parseAsRoot(arguments)
                Issue.record("\(arguments) was accepted")
            } catch {
                #expect(LoadCommand.message(for: error).contains(name), "\(arguments)")
                #expect(LoadCommand.exitCode(for: error) == .validationFailure)
            }
        }
    }

    @Test func modesBecomePlans() throws {
        func plan(_ arguments: String...) throws -> LoadPlan {
            let command = try #require(try LoadCommand.parseAsRoot(arguments) as? any ScenarioCommand)
            return try command.plan()
        }
        let rooms = try plan("rooms", "--rooms", "7", "--members", "3").parts[0]
        #expect((rooms.connections, rooms.receivers, rooms.senders) == (21, 3, 21))
        #expect(try plan("broadcast", "-c", "50").parts[0].receivers == 50)
        #expect(try plan("churn").parts[0].work == .connect)
        #expect(try plan("polling").parts[0].transport == .polling)
        #expect(try plan("mixed", "--room-rate", "0").parts.map(\.name) == ["echo", "polling", "connect"])
        #expect(try plan("echo", "--pid", "3", "--pid", "4").processes == .listed([3, 4]))
    }

    // MARK: Shares of workers

    @Test(arguments: [1, 2, 3], [1, 2])
    func everyClientHasOneWorkerAndEverySenderItsClient(threads: Int, targets: Int) {
        for (rooms, members, publishers) in [(1, 12, 1), (1, 12, 5), (6, 2, 2), (2, 6, 3)] {
            var part = LoadPart(name: "", work: .publish, transport: .websocket, connections: rooms * members)
            part.rooms = rooms
            part.publishersPerRoom = publishers
            let layout = LoadLayout(part, targets: targets, threads: threads)
            #expect((0..<part.connections).allSatisfy { (0..<threads).contains(layout.worker(ofClient: $0)) })
            #expect((0..<part.connections).compactMap(layout.sender(ofClient:)).sorted() == Array(0..<part.senders))
            for sender in 0..<part.senders {
                #expect(layout.sender(ofClient: layout.client(ofSender: sender)) == sender)
            }
            for room in 0..<rooms {
                let workers = Set((room * members..<(room + 1) * members).map(layout.worker(ofClient:)))
                #expect(layout.workers(ofRoom: room) == workers.count)
            }
        }
    }

    @Test func schedulesInterleave() {
        var times: [UInt64] = []
        for worker in 0..<3 {
            var schedule = SendSchedule(rate: 3000, share: 1 / 3, worker: worker, begin: 1_000)
            for _ in 0..<4 {
                times.append(schedule.next)
                schedule.advance()
            }
        }
        let sorted = times.sorted()
        #expect(sorted.first == 1_000)
        for (earlier, later) in zip(sorted, sorted.dropFirst()) {
            #expect((333_332...333_335).contains(later - earlier))
        }
    }

    // MARK: Figures

    @Test func processesAreFoundAndRead() throws {
        let line = "7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 1 0 5"
        #expect(ServerProcess.ticks(stat: line) == 200)
        #expect(ServerProcess.ticks(stat: "7 (a") == nil)
        let table = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1
               1: 0100007F:0BB8 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4343 1
               2: 0100007F:0BB9 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4444 1
            """
        #expect(ServerProcess.inodes(listeningOn: 3000, table: table) == ["4242"])
        let own = ServerProcess(pid: getpid())
        let sample = try #require(own.sample())
        #expect(sample.resident > 1 << 20)
        #expect(sample.cpu > 0)
        #expect(ServerProcess(pid: Int32.max).sample() == nil)
    }

    @Test func mediansAndRatios() {
        #expect(Comparison.Metric.median([3, 1, 2]) == 2)
        #expect(Comparison.Metric.median([4, 1, 2, 3]) == 2.5)
        #expect(Comparison.Metric.median([]) == 0)
        let metric = Comparison.Metric(name: "rate", first: [10, 30, 20], second: [5, 5, 10])
        #expect(metric.ratio == 4)
        #expect(metric.spread?.least == 2)
        #expect(metric.spread?.greatest == 6)
        #expect(Comparison.Metric(name: "", first: [1], second: [0]).ratio == nil)
    }

    @Test func numbersAreReadable() {
        let table = [
            (0, "0.000"), (1.2345, "1.234"), (12.345, "12.35"), (123.45, "123.5"), (1234.5, "1,234"),
            (1_234_567, "1,234,567"), (-1234, "-1,234"), (.infinity, "-"),
        ]
        for (value, text) in table { #expect(ReportTable.number(value) == text) }
    }

    @Test func percentilesComeFromTheHistogram() throws {
        var recorder = LatencyRecorder()
        #expect(recorder.summary == nil)
        for value in 1...1000 as ClosedRange<UInt64> { recorder.record(value * 1_000_000) }
        recorder.record(.max)
        let summary = try #require(recorder.summary)
        #expect(summary.count == 1001)
        #expect(abs(summary.p50 - 501_000) < 1_000)
        #expect(abs(summary.p99 - 991_000) < 2_000)
        var other = LatencyRecorder()
        other.add(recorder)
        #expect(other.summary == summary)
    }
}
