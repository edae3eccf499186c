// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

/// Events for many sockets.
extension AdapterContract {
    static let broadcasts: [Check] = [
        Check("an event reaches every socket of the namespace on every server, once", alone: true, tolerates: .order) {
            servers in
            let sockets = try await servers.clients() + [try await servers.client(0)]
            let stranger = try await servers.client(servers.count - 1, namespace: "/other")
            servers.io.emit("hello", 1)
            for socket in sockets { try expect("the event", try await socket.events.next(), is: TestEvent("hello", 1)) }
            servers.io.of("/other").emit("for others")
            try expect("the other namespace", try await stranger.names(until: "for others"), is: [])
            try await nothingMore(sockets)
        },
        Check("rooms are united, sockets in several get one event, exceptions get none", alone: true, tolerates: .order)
        {
            servers in
            let a = try await servers.clients(["a"])
            let both = try await servers.clients(["a", "b"])
            let c = try await servers.clients(["c"])
            servers.io.to("a", "b").emit("a or b")
            for socket in a + both { try expect("a or b", try await socket.events.next().name, is: "a or b") }
            servers.io.to("a").except("b").emit("only a")
            for socket in a { try expect("only a", try await socket.events.next().name, is: "only a") }
            servers.io.except("a").emit("not a")
            for socket in c { try expect("not a", try await socket.events.next().name, is: "not a") }
            let last = c[c.count - 1]
            servers.io.to(last.id).emit("one")
            try expect("to a socket's own room", try await last.events.next().name, is: "one")
            try await nothingMore(a + both + c)
        },
        Check("arguments arrive as they were, binary data too", alone: true, tolerates: .order) { servers in
            let socket = try await servers.client(servers.count - 1, ["a"])
            let value: SocketValue = [
                "text": "é😀\u{0}\"\\", "list": [1, -1, 1.5, true, .null], "deep": ["a": ["b": .binary([1, 2, 3])]],
                "big": .int(9_007_199_254_740_991), "empty": [:],
            ]
            servers.io.to("a").emit("values", value, SocketValue.binary([]), [1, 2, 3])
            let event = try await socket.next("values")
            try expect(
                "the arguments", event.arguments,
                is: [
                    [
                        "text": "é😀\u{0}\"\\", "list": [1, -1, 1.5, true, nil],
                        "deep": ["a": ["b": .binary([1, 2, 3])]], "big": 9_007_199_254_740_991, "empty": [:],
                    ], .binary([]), [1, 2, 3],
                ])
        },
        Check(
            "`local` stays on the server, `volatile` and `compress` do not keep an event from arriving", alone: true,
            tolerates: .order
        ) { servers in
            let here = try await servers.client(0)
            let there = try await servers.client(servers.count - 1)
            servers.io.local.emit("local")
            try expect("local", try await here.next("local").name, is: "local")
            servers.io.emit("mark")
            let before = try await there.names(until: "mark")
            try expect("local events elsewhere", before, is: servers.count == 1 ? ["local"] : [])
            // A busy transport may drop one.
            var number = 0
            try await eventually("a volatile event arrives") {
                number += 1
                servers.io.volatile.compress(false).emit("volatile", number)
                return there.events.takeAll().contains { event in event.name == "volatile" }
            }
        },
        Check(
            "events of one server arrive in the order in which they were sent", alone: true, tolerates: [.duplication]
        ) {
            servers in
            let sockets = try await servers.clients(["a"])
            for number in 0..<200 {
                if number % 2 == 0 { servers.io.to("a").emit("n", number) } else { servers.io.emit("n", number) }
            }
            for socket in sockets {
                for number in 0..<200 {
                    let event = try await socket.events.next()
                    try expect("event \(number)", event.arguments, is: [.number(Double(number))])
                }
            }
        },
        Check("no event comes twice", alone: true, tolerates: [.duplication, .reordering, .loss]) { servers in
            let sockets = try await servers.clients(["a"])
            for number in 0..<300 { servers.io.to("a").emit("n", number) }
            servers.io.emit("soon the end")
            try await Task.sleep(for: .milliseconds(200))
            for server in servers.all { server.local.emit("end") }
            for socket in sockets {
                var seen: Set<TestValue> = []
                while case let event = try await socket.events.next(), event.name != "end" {
                    guard event.name == "n" else { continue }
                    let isFirst = seen.insert(event.arguments[0]).inserted
                    try expect("event \(event.arguments[0].json) comes once", isFirst)
                }
            }
        },
        Check(
            "names are the same only if their bytes are, whatever characters they have", alone: true, tolerates: .order
        ) {
            servers in
            let names = ["caf\u{e9}", "cafe\u{301}", "*", "a*", "[a]", "#", "a#b", "\\", "1", "ro om"]
            var sockets: [TestSocket] = []
            for name in names { sockets.append(try await servers.client(servers.count - 1, [name])) }
            for name in names { servers.io.to(name).emit("to", name) }
            for (socket, name) in zip(sockets, names) {
                try expect("room \(name)", try await socket.events.next(), is: TestEvent("to", .string(name)))
            }
            try await nothingMore(sockets)
        },
    ]

    /// No socket has anything but an end that is sent now.
    static func nothingMore(_ sockets: [TestSocket]) async throws {
        // What is still on its way gets a moment: nothing can be waited for that is not to come.
        try await Task.sleep(for: .milliseconds(50))
        for socket in sockets {
            let rest = socket.events.takeAll()
            try expect("events that should not have come", rest, is: [])
        }
    }
}

extension Set<AdapterContract.Strain> {
    /// Whatever the order of the messages is, and however often they come.
    static var order: Set { [.reordering, .duplication] }
}
