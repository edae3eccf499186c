// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

@Suite("Statistics")
struct StatisticsTests {
    @Test("acknowledgements that the server waited for are timed, all others not", arguments: [1, 2])
    func latency(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let connected = Inbox<Socket>("a connection")
            io.onConnection { socket in
                socket.on("ask") { () -> Int in 1 }
                connected.push(socket)
            }
            let clients = try await connect(3, to: address)
            for client in clients {
                client.answer("e") { _ in [1] }
                _ = try await client.emitWithAck("ask")
            }
            #expect(await io.statistics().acknowledgementLatency.counts.reduce(0, +) == 0)
            let socket = try await connected.next()
            _ = try await socket.emitWithAck("e")
            _ = try await io.timeout(.seconds(30)).emitWithAck("e")
            _ = try? await socket.timeout(.milliseconds(20)).emitWithAck("nobody answers")
            let latency = await io.statistics().acknowledgementLatency
            #expect(latency.counts.reduce(0, +) == 4)
            #expect(latency.sum > 0 && latency.sum < 120)
        }
    }

    @Test("a duration falls into the first bucket that holds it")
    func buckets() {
        var one = LatencyHistogram()
        for milliseconds in [0, 1, 2, 31_000, -5] { one.record(.milliseconds(Int64(milliseconds))) }
        #expect(one.counts.first == 3 && one.counts[1] == 1 && one.counts.last == 1)
        var two = LatencyHistogram()
        two.record(.seconds(2))
        two.add(one)
        #expect(two.counts.reduce(0, +) == 6 && abs(two.sum - 33.003) < 0.0001)
    }

    @Test("the largest rooms are found, those of one socket alone left out", arguments: [1, 3])
    func rooms(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            io.of("/other").onConnection { socket in socket.join("elsewhere") }
            io.onConnection { socket in
                socket.on("join") { (rooms: [String]) -> Bool in
                    socket.join(rooms)
                    return true
                }
            }
            let clients = try await connect(4, to: address)
            for (number, client) in clients.enumerated() {
                let rooms: [TestValue] = ["all", .string("own \(number)")] + (number < 2 ? ["half"] : [])
                _ = try await client.emitWithAck("join", .array(rooms))
            }
            try await SocketTestClient.connect(to: address).join("/other")
            var found: [RoomSize] = []
            try await eventually("all of them") {
                found = await io.largestRooms(10)
                return found.count == 7
            }
            #expect(found.prefix(2).map(\.room) == ["all", "half"] && found.prefix(2).map(\.members) == [4, 2])
            #expect(found.contains(RoomSize(namespace: "/other", room: "elsewhere", members: 1)))
            #expect(await io.largestRooms(1).map(\.room) == ["all"])
            #expect(io.socketCount == 5)
            io.forgetLargestRooms()
            for client in clients { try await client.disconnect() }
            try await eventually("one is left") { await io.largestRooms(10).map(\.room) == ["elsewhere"] }
        }
    }

    @Test("many rooms are looked at a step at a time")
    func manyRooms() async throws {
        try await withServer(loops: 1, { $0.maxRoomsPerSocket = 100_000 }) { io, address in
            io.onConnection { socket in
                for number in 0..<30_000 { socket.join("room \(number)") }
                socket.join("shared")
            }
            _ = try await connect(2, to: address)
            try await eventually("joined", within: .seconds(60)) {
                try await io.adapter.sockets(in: ["shared"]).count == 2
            }
            // In the worst case the last step of the walk finds them.
            for _ in 0..<8 { _ = await io.largestRooms(3) }
            #expect(await io.largestRooms(3).allSatisfy { $0.members == 2 })
        }
    }
}
