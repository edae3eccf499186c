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
            try await nothingMore(sockets, of: servers)
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
            try await nothingMore(a + both + c, of: servers)
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
            for events in try await eventsUntilNow(sockets, of: servers) {
                var seen: Set<TestValue> = []
                for event in events {
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
            try await nothingMore(sockets, of: servers)
        },
    ]

    /// The sockets have received nothing that the check has not taken yet.
    static func nothingMore(_ sockets: [TestSocket], of servers: ContractServers) async throws {
        for rest in try await eventsUntilNow(sockets, of: servers) {
            try expect("events that should not have come", rest, is: [])
        }
    }

    /// What each of the sockets, all in `/`, receives of the events that were sent before this call.
    ///
    /// Events that are sent afterwards by every server have to arrive at every socket, several times. Where messages keep their
    /// order, everything sent before has arrived by then; where they do not, it has had as many chances to.
    static func eventsUntilNow(_ sockets: [TestSocket], of servers: ContractServers) async throws -> [[TestEvent]] {
        let name = "later"
        var events: [[TestEvent]] = sockets.map { _ in [] }
        for round in 0..<5 {
            var missing = sockets.map { _ in Set(servers.all.indices) }
            var looks = 0
            try await eventually("events of round \(round) arrive everywhere") {
                // Now and then once more, for messages can be lost.
                if looks % 20 == 0 {
                    for (number, server) in servers.all.enumerated() { server.emit(name, round, number) }
                }
                looks += 1
                for (index, socket) in sockets.enumerated() {
                    for event in socket.events.takeAll() {
                        guard event.name == name else {
                            events[index].append(event)
                            continue
                        }
                        guard event.arguments.first == .number(Double(round)) else { continue }
                        missing[index] = missing[index].filter { event.arguments.last != .number(Double($0)) }
                    }
                }
                return missing.allSatisfy(\.isEmpty)
            }
        }
        return events
    }
}

extension Set<AdapterContract.Strain> {
    /// Whatever the order of the messages is, and however often they come.
    static var order: Set { [.reordering, .duplication] }
}
