// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

/// Broadcasts that are acknowledged.
extension AdapterContract {
    static let acknowledgements: [Check] = [
        Check("the acknowledgements of all servers are collected, binary ones too", alone: true, tolerates: .order) {
            servers in
            let sockets = try await servers.clients(["a"])
            for (number, socket) in sockets.enumerated() {
                socket.answer("number") { _ in [.number(Double(number))] }
                socket.answer("binary") { [.array($0)] }
            }
            let numbers = try await servers.io.timeout(.seconds(10)).emitWithAck("number", as: Int.self)
            try expect("the answers", numbers.sorted(), is: Array(0..<servers.count))
            let binary = try await servers.io.to("a").timeout(.seconds(10)).emitWithAck(
                "binary", SocketData([1, 2]), as: SocketValue.self)
            try expect("binary answers", binary.map { $0[0]?.binary?.bytes }, is: sockets.map { _ in [1, 2] })
            try expect(
                "nobody's answers", try await servers.io.to("nobody").emitWithAck("number", as: Int.self), is: [])
        },
        Check("who has answered and who has not is told by id", alone: true, tolerates: .order) { servers in
            let sockets = try await servers.clients(["a"])
            let silent = try await servers.client(servers.count - 1, ["a"])
            for socket in sockets { socket.answer("ask") { _ in [.string(socket.id)] } }
            let answers = try await servers.io.to("a").timeout(.milliseconds(1500)).emitWithAnswers("ask")
            try expect("those who answered", Set(answers.answers.compactMap(\.socketID)), is: Set(sockets.map(\.id)))
            for socket in sockets {
                try expect("its own answer", try answers[socket.id]?.decode(String.self), is: socket.id)
            }
            try expect("those who did not", answers.missing, is: [silent.id])
            try expect("unnamed ones", answers.missingUnnamed, is: 0)
            try expect("the time was up", answers.isTimedOut && !answers.isComplete)
        },
        Check("who disconnects is not waited for", alone: true, tolerates: .order) { servers in
            let stays = try await servers.client(0, ["a"])
            let leaves = try await servers.client(servers.count - 1, ["a"])
            stays.answer("ask") { _ in [1] }
            let io = servers.io
            let asking = Task { try await io.to("a").timeout(.seconds(30)).emitWithAnswers("ask") }
            _ = try await leaves.next("ask")
            try await leaves.disconnect()
            let answers = try await asking.value
            try expect("the answers", answers.answers.count, is: 1)
            try expect("who has left", answers.missing, is: [leaves.id])
            try expect("the time was not up", !answers.isTimedOut)
        },
        Check("one socket elsewhere answers for itself", alone: true, tolerates: .order) { servers in
            let socket = try await servers.client(servers.count - 1, ["a"])
            socket.answer("ask") { $0 + [.string("answer")] }
            let found = try await servers.io.in("a").fetchSockets()
            try expect("the socket", found.map(\.id), is: [socket.id])
            let answer = try await found[0].timeout(.seconds(10)).emitWithAck("ask", as: String.self)
            try expect("its answer", answer, is: "answer")
        },
        Check("a server that never answers costs a time-out and no more", tolerates: [.silentServer]) { servers in
            let sockets = try await servers.clients(["a"])
            for socket in sockets { socket.answer("ask") { _ in [1] } }
            let answers = try await servers.io.to("a").timeout(.milliseconds(1000)).emitWithAnswers("ask")
            try expect("the answers of the others", answers.answers.count, is: servers.count)
            let partial = try await servers.io.fetchSockets(timeout: .milliseconds(500), partialResults: .accepted)
            try expect("the sockets of the others", Set(partial.map(\.id)), is: Set(sockets.map(\.id)))
        },
    ]
}
