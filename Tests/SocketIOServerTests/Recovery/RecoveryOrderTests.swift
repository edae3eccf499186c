// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// Numbered traffic over links that are cut: nothing lost, nothing doubled, nothing out of order.
@Suite("Recovery under traffic", .timeLimit(.minutes(3)))
struct RecoveryOrderTests {
    /// What each client must receive, in this order: the numbers of everything meant for it.
    private func check(_ received: [TestEvent], _ name: String, upTo count: Int, _ note: String) {
        let numbers = received.filter { $0.name == name }.map { $0.arguments.first ?? .null }
        #expect(numbers == (1...count).map { .number(Double($0)) }, "\(note): \(numbers.count) of \(count)")
    }

    @Test("Clients that lose their links again and again get every number once, in order", arguments: loopCounts)
    func jitter(loops: Int) async throws {
        try await withServer(loops: loops, { $0.connectionStateRecovery = ConnectionStateRecovery() }) { io, address in
            io.onConnection { socket in
                if !socket.recovered { socket.join("room") }
            }
            let clients = (0..<12).map { _ in RecoveringClient(address) }
            for (index, client) in clients.enumerated() {
                try await client.connect(transport: TestTransport.allCases[index % TestTransport.allCases.count])
            }
            let total = 400
            // Everybody has an offset before the first loss.
            io.emit("hello", 0)
            for client in clients { try await client.waitFor(1) }
            async let traffic: Void = {
                for number in 1...total {
                    switch number % 4 {
                    case 0: io.to("room").emit("n", number, SocketData([UInt8(truncatingIfNeeded: number)]))
                    case 1: io.emit("n", number, "text")
                    case 2: io.local.emit("n", number)
                    default: io.to("room").to("other").emit("n", number)
                    }
                    io.volatile.emit("v", number, "some text")
                    io.volatile.emit("tick")
                    if number.isMultiple(of: 10) { try await Task.sleep(for: .milliseconds(2)) }
                }
            }()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, client) in clients.enumerated() {
                    group.addTask {
                        for round in 0..<6 {
                            await client.take()
                            if (round + index).isMultiple(of: 3) {
                                // Half-open: the server has not noticed yet.
                                let old = await client.forgetConnection()
                                try await client.connect()
                                await old?.engine.abort()
                            } else {
                                try await client.cut()
                                try await client.connect(transport: index.isMultiple(of: 2) ? .websocket : .polling)
                            }
                            #expect(await client.recovered)
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await traffic
            io.emit("end")
            for (index, client) in clients.enumerated() {
                try await eventually("client \(index) has everything") {
                    await client.take()
                    return await client.received.last(where: { $0.name != "v" && $0.name != "tick" })?.name == "end"
                }
                check(await client.received, "n", upTo: total, "client \(index), \(loops) loops")
            }
        }
    }

    @Test("Every event loop delivers in the same order", arguments: [2, 4])
    func order(loops: Int) async throws {
        try await withServer(loops: loops, { $0.connectionStateRecovery = ConnectionStateRecovery() }) { io, address in
            io.onConnection { socket in
                socket.on("say") { (number: Int) in io.emit("said", socket.id, number) }
            }
            let clients = (0..<8).map { _ in RecoveringClient(address) }
            for client in clients { try await client.connect() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in clients {
                    group.addTask {
                        for number in 1...50 { try await client.socket?.emit("say", .number(Double(number))) }
                    }
                }
                try await group.waitForAll()
            }
            for client in clients { try await client.waitFor(400) }
            let first = await clients[0].received
            for client in clients { #expect(await client.received == first) }
            let offsets = first.compactMap { $0.arguments.last?.string }
            #expect(Set(offsets).count == 400)
        }
    }

    @Test("Events to one socket keep their place among the others, and listeners may send", arguments: loopCounts)
    func single(loops: Int) async throws {
        try await withServer(loops: loops, { $0.connectionStateRecovery = ConnectionStateRecovery() }) { io, address in
            let sockets = Inbox<Socket>("a connection")
            io.onConnection { socket in
                socket.onAnyOutgoing { event, _ in
                    if event == "first" { socket.emit("by a listener") }
                }
                sockets.push(socket)
            }
            let client = RecoveringClient(address)
            try await client.connect()
            let socket = try await sockets.next()
            io.emit("first")
            try await client.waitFor(2)
            for number in 1...50 {
                socket.emit("one", number)
                io.emit("all", number)
            }
            try await client.waitFor(102)
            let names = await client.received.map(\.name)
            #expect(names.prefix(2) == ["first", "by a listener"])
            #expect(await client.arguments("one") == (1...50).map { .number(Double($0)) })
            #expect(await client.arguments("all") == (1...50).map { .number(Double($0)) })
        }
    }

    @Test("What is sent to a socket that has gone reaches its client when it returns", arguments: loopCounts)
    func successors(loops: Int) async throws {
        try await withServer(loops: loops, { $0.connectionStateRecovery = ConnectionStateRecovery() }) { io, address in
            let sockets = Inbox<Socket>("a connection")
            io.onConnection { sockets.push($0) }
            let client = RecoveringClient(address)
            try await client.connect()
            let first = try await sockets.next()
            first.emit("m", 1)
            try await client.waitFor(1)
            try await client.cut()
            try await eventually("the socket is gone") { first.disconnected }
            first.emit("m", 2)
            first.volatile.emit("m", "volatile")
            let late = Recorder<Bool>()
            first.eventLoop.execute { late.append(true) }
            _ = try await late.waitFor(1)
            try await client.connect()
            #expect(try await sockets.next().recovery == .recovered(missed: 1))
            first.emit("m", 3)
            try await client.waitFor(3)
            #expect(await client.arguments("m") == [1, 2, 3])
        }
    }

    @Test("Five hundred clients return at once", arguments: [4])
    func storm(loops: Int) async throws {
        try await withServer(loops: loops, { $0.connectionStateRecovery = ConnectionStateRecovery() }) { io, address in
            let clients = (0..<500).map { _ in RecoveringClient(address) }
            for client in clients { try await client.connect() }
            io.emit("n", 1)
            for client in clients { try await client.waitFor(1) }
            for client in clients { try await client.cut() }
            try await eventually("all are lost") { io.sockets.socketCount == 0 }
            for number in 2...50 { io.emit("n", number) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in clients { group.addTask { try await client.connect() } }
                try await group.waitForAll()
            }
            io.emit("n", 51)
            for (index, client) in clients.enumerated() {
                try await client.waitFor(51)
                check(await client.received, "n", upTo: 51, "client \(index)")
                #expect(await client.recovered)
            }
        }
    }
}
