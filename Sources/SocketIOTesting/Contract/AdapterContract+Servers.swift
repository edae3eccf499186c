// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import SocketIOServer

/// Events for servers, and servers that come to an end.
extension AdapterContract {
    static let serverEvents: [Check] = [
        Check(
            "serverSideEmit reaches the other servers' listeners of the namespace, and nobody else", tolerates: .order
        ) {
            servers in
            let heard = NIOLockedValueBox<[String]>([])
            let socket = try await servers.client(servers.count - 1)
            for (number, server) in servers.all.enumerated() {
                server.of("/").on("news") { (text: String, value: Int) in
                    heard.withLockedValue { $0.append("\(number) \(text) \(value)") }
                }
                server.of("/other").on("news") { (text: String) in heard.withLockedValue { $0.append("other") } }
            }
            try await servers.io.serverSideEmit("news", "hello", 12)
            let expected = (1..<servers.count).map { "\($0) hello 12" }
            try await eventually("all others have heard it") { heard.withLockedValue { $0.count } >= expected.count }
            try await nothingMore([socket], of: servers)
            try expect("those who heard it", heard.withLockedValue { $0.sorted() }, is: expected)
        },
        Check("every other server answers a serverSideEmit", tolerates: .order) { servers in
            for (number, server) in servers.all.enumerated() {
                server.of("/").on("ask") { (value: Int) in number * 100 + value }
            }
            let answers = try await servers.io.serverSideEmitWithAck("ask", 7, as: Int.self, timeout: .seconds(10))
            try expect("the answers", answers.sorted(), is: (1..<servers.count).map { $0 * 100 + 7 })
        },
        Check("an answer that does not come is an error, after the time-out", tolerates: .order) { servers in
            for server in servers.all.dropLast() { server.of("/").on("ask") { () in 1 } }
            servers.other.of("/").on("ask", arguments: { _, _ in })
            let clock = ContinuousClock()
            let start = clock.now
            _ = try await error(of: "serverSideEmitWithAck without an answer") {
                _ = try await servers.io.serverSideEmitWithAck("ask", as: Int.self, timeout: .milliseconds(700))
            }
            try expect("it waits for the time-out", clock.now - start >= .milliseconds(650))
        },
    ]

    static let servers: [Check] = [
        Check("all servers are counted, and one that closes no more", tolerates: .order) { servers in
            let sockets = try await servers.clients(["a"])
            for server in servers.all {
                try expect("the servers", try await server.adapter.serverCount(), is: servers.count)
            }
            await servers.other.close()
            try await eventually("one server less") { try await servers.io.adapter.serverCount() == servers.count - 1 }
            try await eventually("its sockets are gone") { try await servers.io.count() == servers.count - 1 }
            let found = try await servers.io.fetchSockets().map(\.id)
            try expect("the sockets that are left", Set(found), is: Set(sockets.dropLast().map(\.id)))
        },
        Check("a server that closes is not waited for", tolerates: .order) { servers in
            let sockets = try await servers.clients(["a"])
            for socket in sockets.dropLast() { socket.answer("ask") { _ in [1] } }
            let (io, other) = (servers.io, servers.other)
            let asking = Task { try await io.to("a").timeout(.seconds(60)).emitWithAnswers("ask") }
            _ = try await sockets[sockets.count - 1].next("ask")
            await other.close()
            let answers = try await asking.value
            try expect("the answers", answers.answers.count, is: servers.count - 1)
            try expect("the time was not up", !answers.isTimedOut)
        },
        Check("a server that dies is not waited for, and the others go on", tolerates: .order, needsKilling: true) {
            servers in
            guard let kill = servers.adapter.kill else { throw ContractFailure("servers cannot be killed") }
            let sockets = try await servers.clients(["a"])
            for socket in sockets.dropLast() { socket.answer("ask") { _ in [1] } }
            let io = servers.io
            let asking = Task { try await io.to("a").timeout(.seconds(60)).emitWithAnswers("ask") }
            _ = try await sockets[sockets.count - 1].next("ask")
            try await kill(servers.count - 1)
            let answers = try await asking.value
            try expect("the answers", answers.answers.count, is: servers.count - 1)
            try expect("the time was not up", !answers.isTimedOut)
            try await eventually("its sockets are gone", within: .seconds(20)) {
                try await io.count(timeout: .seconds(1), partialResults: .accepted) == servers.count - 1
            }
            io.to("a").emit("still here")
            for socket in sockets.dropLast() { _ = try await socket.next("still here") }
        },
    ]
}
