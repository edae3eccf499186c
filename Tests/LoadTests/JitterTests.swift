// Part of socketio-server, MIT licence; see LICENSE.

import ArgumentParser
import SocketIOServer
import Testing

@testable import socketio_load

@Suite(.serialized) struct JitterTests {
    @Test func numbersAreJudged() {
        var checker = NumberChecker()
        for number in [1, 2, 4, 3, 4, 6, 0, -1] { checker.receive(number) }
        #expect((checker.arrived, checker.doubled, checker.outOfOrder) == (5, 1, 1))
    }

    @Test func membersKeepWhatOfficialClientsKeep() {
        var plan = JitterPlan(targets: [])
        plan.namespace = "/chat"
        plan.auth = #"{"token":"x"}"#
        var member = JitterMember(plan)
        member.state = .connecting
        #expect(member.received("0{\"sid\":\"s\"}") == .send(#"40/chat,{"token":"x"}"#))
        #expect(member.received(#"40/chat,{"sid":"S","pid":"P"}"#) == .connected(recovered: false))
        member.state = .joining
        #expect(member.received("43/chat,0[]") == .joined)
        member.state = .ready
        #expect(member.received(#"42/chat,["msg","1","o1"]"#) == .none)
        #expect(member.received(#"42/chat,["other",5]"#) == .none)
        #expect(member.received(#"42/chat,["msg","2","o2"]"#) == .none)
        #expect(member.received("2") == .send("3"))
        #expect(member.checker.arrived == 2)
        #expect(member.connectPacket == #"40/chat,{"pid":"P","offset":"o2","token":"x"}"#)
        member.state = .connecting
        #expect(member.received(#"40/chat,{"sid":"S","pid":"P"}"#) == .connected(recovered: true))
        member.state = .connecting
        #expect(member.received(#"40/chat,{"sid":"T"}"#) == .connected(recovered: false))
        #expect(member.connectPacket == #"40/chat,{"token":"x"}"#)
    }

    @Test func wrongOptionsAreNamed() {
        for (arguments, name) in [
            (["--members", "0"], "--members"), (["--rate", "0"], "--rate"), (["--cut-every", "1ms"], "--cut-every"),
            (["--auth", "token"], "--auth"), (["--header", "a"], "--header"), (["-t", "https://a"], "--target"),
        ] {
            let error = #expect(throws: (any Error).self) { try LoadCommand.parseAsRoot(["jitter"] + arguments) }
            #expect(error.map { LoadCommand.message(for: $0).contains(name) } == true, "\(arguments)")
        }
    }

    /// A server with a room, as the help of the tool describes it.
    private func withServer(_ recovery: ConnectionStateRecovery?, _ body: (Int) async throws -> Void) async throws {
        var configuration = ServerConfiguration()
        configuration.connectionStateRecovery = recovery
        let io = Server(configuration: configuration)
        io.onConnection { socket in
            socket.on("join") { (room: String) -> Bool in
                socket.join(room)
                return true
            }
            socket.on("msg") { (room: String, text: String) in socket.namespace.to(room).emit("msg", text) }
        }
        let port = try #require(try await io.listen()?.port)
        try await body(port)
        await io.close()
    }

    private func plan(_ port: Int) throws -> JitterPlan {
        var plan = JitterPlan(targets: [try LoadTarget("http://127.0.0.1:\(port)")])
        plan.members = 5
        plan.rate = 200
        plan.cutEvery = 200_000_000
        plan.away = 60_000_000
        plan.duration = 1_500_000_000
        return plan
    }

    @Test(arguments: [false, true]) func nothingIsMissedWithRecovery(silent: Bool) async throws {
        try await withServer(ConnectionStateRecovery()) { port in
            var plan = try plan(port)
            plan.isSilent = silent
            let report = try await run(plan)
            #expect(report.counts.faults.isEmpty, "\(report.text)")
            #expect(report.counts.arrived == report.counts.owed)
            #expect(report.counts.cuts > 0)
            #expect(report.counts.recovered == report.counts.cuts)
            #expect(report.counts.sent >= 100)
        }
    }

    @Test func allLinksMayBeCutTogether() async throws {
        try await withServer(ConnectionStateRecovery()) { port in
            var plan = try plan(port)
            plan.cutsTogether = true
            plan.cutEvery = 600_000_000
            let report = try await run(plan)
            #expect(report.counts.faults.isEmpty, "\(report.text)")
            // At 0.6 and 1.2 s.
            #expect(report.counts.cuts == 2 * plan.members)
            #expect(report.counts.recovered == report.counts.cuts)
        }
    }

    /// A storm in small: as many as a debug build on a busy machine can take back in the time that 5,000 have in a release
    /// build.
    @Test func manyReturnTogetherInTime() async throws {
        try await withServer(ConnectionStateRecovery()) { port in
            var plan = try plan(port)
            plan.members = 300
            plan.rate = 4
            plan.cutsTogether = true
            plan.cutEvery = 1_000_000_000
            plan.away = 500_000_000
            plan.duration = 1_800_000_000
            plan.drain = 60_000_000_000
            plan.connectTimeout = 60_000_000_000
            plan.returnWithin = 10_000_000_000
            let report = try await run(plan)
            #expect(report.counts.faults.isEmpty, "\(report.text)")
            #expect(report.counts.arrived == report.counts.owed)
            #expect(report.counts.cuts == plan.members)
            #expect(report.counts.recovered == plan.members)
        }
    }

    @Test func lateReturnsAreFaults() async throws {
        try await withServer(ConnectionStateRecovery()) { port in
            var plan = try plan(port)
            plan.returnWithin = 1
            let report = try await run(plan)
            #expect(report.counts.lateReturns == report.counts.recovered && report.counts.lateReturns > 0)
            #expect(report.counts.faults.map(\.name) == ["late returns"])
        }
    }

    @Test func withoutRecoveryTheGapsAreCounted() async throws {
        try await withServer(nil) { port in
            var plan = try plan(port)
            plan.drain = 300_000_000
            let report = try await run(plan)
            #expect(report.counts.lost > 0)
            #expect(report.counts.doubled == 0)
            #expect(report.counts.recovered == 0)
            #expect(report.counts.notRecovered == report.counts.cuts)
            #expect(report.counts.faults.map(\.name) == ["lost"])
        }
    }

    private func run(_ plan: JitterPlan) async throws -> JitterReport {
        try await offPool { try JitterRun.run(plan, progress: ProgressLine(isShown: false)) }
    }
}
