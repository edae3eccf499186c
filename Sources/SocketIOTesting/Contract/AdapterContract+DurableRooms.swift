// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore
internal import SocketIOServer

extension AdapterContract {
    /// What servers with ``ServerConfiguration/durableRooms`` owe. Not among ``checks``: an adapter of other people has no
    /// histories.
    public static let durableRooms: [Check] = [
        Check("history and live traffic meet without a gap or a double", alone: true, joining),
        Check("a client that returns gets what it has missed, and no more", alone: true, returning),
        Check("positions of another history, and of the future, begin anew", alone: true, strangePositions),
        Check("paging backwards and forwards shows every event once", alone: true, paging),
        Check("the limits of a room, one event over", alone: true, limits),
        Check("names of rooms are bytes", alone: true, names),
        Check("binary data, several arguments and exceptions", alone: true, contents),
        Check("what cannot be kept is refused", alone: true, refusals),
        Check("all members of all servers get the events in one order", order),
    ]

    private static func number(_ event: TestEvent) -> Int? {
        guard case .number(let number) = event.arguments.first else { return nil }
        return Int(number)
    }

    private static func position(_ event: TestEvent) throws -> RoomPosition {
        guard let position = event.arguments.last?.string.flatMap({ RoomPosition($0) }) else {
            throw ContractFailure("no position: \(event)")
        }
        return position
    }

    /// Takes events until the one with this number; each must have the next position.
    private static func take(_ client: TestSocket, upTo last: Int, after start: UInt64 = 0) async throws -> [Int] {
        var (found, place): ([Int], UInt64) = ([], start)
        while found.last != last {
            let event = try await client.next("n")
            place += 1
            try expect("the number of a position", try position(event).number, is: place)
            guard let number = number(event) else { throw ContractFailure("no number: \(event)") }
            found.append(number)
        }
        return found
    }

    private static func joining(_ servers: ContractServers) async throws {
        let total = 300
        // The numbers of all servers together, in the order of the history.
        async let sending: Void = {
            for number in 1...total {
                _ = try await servers.all[number % servers.count].to("r").durable.emit("n", number)
            }
        }()
        var clients: [TestSocket] = []
        for index in 0..<8 {
            clients.append(try await servers.client(index % servers.count, auth: ["replay": "r"]))
            try await eventually("traffic goes on") {
                try await servers.io.history(of: "r").newest?.number ?? 0 >= UInt64(index * 30)
            }
        }
        try await sending
        for client in clients {
            try expect("numbers of a joiner", try await take(client, upTo: total), is: Array(1...total))
        }
    }

    private static func returning(_ servers: ContractServers) async throws {
        let first = try await servers.client(0, auth: ["replay": "r"])
        for number in 1...5 { try await servers.io.to("r").durable.emit("n", number) }
        _ = try await take(first, upTo: 4)
        try await first.disconnect()
        for number in 6...9 { try await servers.other.to("r").durable.emit("n", number) }
        let newest = try await servers.io.history(of: "r").newest
        guard let newest, let since = RoomPosition("\(newest.description.prefix(7))4") else {
            throw ContractFailure("no position")
        }
        let again = try await servers.client(servers.count - 1, auth: ["replay": "r", "since": .string("\(since)")])
        try expect("missed numbers", try await take(again, upTo: 9, after: 4), is: [5, 6, 7, 8, 9])
        let done = try await again.next("replayed")
        try expect("what the replay tells", done.arguments, is: [5, true, .string("\(newest)")])
        try await servers.io.to("r").durable.emit("n", 10)
        try expect("live", try await take(again, upTo: 10, after: 9), is: [10])
        // A number of events instead.
        let last = try await servers.client(0, auth: ["replay": "r", "since": 3])
        try expect("last three", try await take(last, upTo: 10, after: 7), is: [8, 9, 10])
        let none = try await servers.client(0, auth: ["replay": "r", "since": 0])
        try expect("none", try await none.next("replayed").arguments.first, is: 0)
        try await servers.io.to("r").durable.emit("n", 11)
        try expect("live only", try await take(none, upTo: 11, after: 10), is: [11])
    }

    private static func strangePositions(_ servers: ContractServers) async throws {
        for number in 1...3 { try await servers.io.to("r").durable.emit("n", number) }
        let epoch = try await servers.io.history(of: "r").newest?.description.prefix(7) ?? ""
        for since in ["\(epoch)4", "\(epoch)9007199254740991", "Other1-2", "Other1-0"] {
            let client = try await servers.client(0, auth: ["replay": "r", "since": .string(since)])
            try expect("everything since \(since)", try await take(client, upTo: 3), is: [1, 2, 3])
            try expect("complete since \(since)", try await client.next("replayed").arguments[1], is: false)
        }
        let empty = try await servers.client(0, auth: ["replay": "empty", "since": "Other1-2"])
        try expect("empty", try await empty.next("replayed").arguments, is: [0, false, .null])
        try await servers.other.to("empty").durable.emit("n", 1)
        try expect("first of all", try await take(empty, upTo: 1), is: [1])
    }

    private static func paging(_ servers: ContractServers) async throws {
        for number in 1...25 { try await servers.io.to("r").durable.emit("n", number) }
        func numbers(_ page: RoomHistoryPage) throws -> [Int] {
            try page.events.map { try $0.arguments.decode(Int.self) }
        }
        var (found, place): ([Int], RoomPosition?) = ([], nil)
        while true {
            let page = try await servers.other.history(of: "r", before: place, limit: 10)
            found = try numbers(page) + found
            place = page.events.first?.position
            if !page.hasMore { break }
        }
        try expect("backwards", found, is: Array(1...25))
        place = place.flatMap { RoomPosition("\($0.description.prefix(7))0") }
        found = []
        while let after = place {
            let page = try await servers.other.history(of: "r", after: after, limit: 10)
            found += try numbers(page)
            place = page.hasMore ? page.events.last?.position : nil
        }
        try expect("forwards", found, is: Array(1...25))
        let none = try await servers.io.history(of: "nothing")
        try expect("no history", none.events.isEmpty && none.newest == nil && none.isComplete)
    }

    /// The server keeps 100 events of the room "small".
    private static func limits(_ servers: ContractServers) async throws {
        for number in 1...101 { try await servers.io.to("small").durable.emit("n", number) }
        let page = try await servers.io.history(of: "small", limit: 200)
        try expect("kept events", page.events.count, is: 100)
        let epoch = page.newest?.description.prefix(7) ?? ""
        let complete = try await servers.client(0, auth: ["replay": "small", "since": .string("\(epoch)1")])
        _ = try await take(complete, upTo: 101, after: 1)
        try expect("nothing missed", try await complete.next("replayed").arguments[1], is: true)
        let late = try await servers.client(0, auth: ["replay": "small", "since": .string("\(epoch)0")])
        _ = try await take(late, upTo: 101, after: 1)
        try expect("one missed", try await late.next("replayed").arguments[1], is: false)
    }

    private static func names(_ servers: ContractServers) async throws {
        let rooms = ["caf\u{e9}", "cafe\u{301}", "a}b{c", "line\nbreak", ""]
        for (index, room) in rooms.enumerated() { try await servers.io.to(room).durable.emit("n", index) }
        for (index, room) in rooms.enumerated() {
            let page = try await servers.other.history(of: room)
            try expect("events of \(room)", try page.events.map { try $0.arguments.decode(Int.self) }, is: [index])
        }
        // The same name in another namespace is another room.
        try await servers.io.of("/other").to("r").durable.emit("n", 7)
        try expect("events of /", try await servers.io.history(of: "r").events.count, is: 0)
        try expect("events of /other", try await servers.other.of("/other").history(of: "r").events.count, is: 1)
    }

    private static func contents(_ servers: ContractServers) async throws {
        let live = try await servers.client(servers.count - 1, ["r", "x"])
        let excepted = try await servers.client(0, ["r", "y"])
        let data = SocketData([1, 2, 3, 0, 255])
        try await servers.io.to("r").except("y").durable.emit("b", "text", data, ["key": data])
        try await servers.io.to("r").durable.emit("end")
        let event = try await live.next("b")
        try expect("arguments", event.arguments.count, is: 4)
        try expect("data", event.arguments[1], is: .binary([1, 2, 3, 0, 255]))
        try expect("the one left out", try await excepted.names(until: "end"), is: [])
        let again = try await servers.client(0, ["x"], auth: ["replay": "r"])
        try expect("the same again", try await again.next("b").arguments, is: event.arguments)
        let still = try await servers.client(0, ["y"], auth: ["replay": "r"])
        try expect("left out of the replay", try await still.names(until: "replayed"), is: ["end"])
    }

    private static func refusals(_ servers: ContractServers) async throws {
        let io = servers.io
        func code(_ body: () async throws -> Void) async throws -> String {
            (try await error(of: "a refusal", body) as? SocketError)?.code.description ?? "other"
        }
        try expect("no room", try await code { try await io.everyone.durable.emit("n") }, is: "notSupported")
        try expect("two rooms", try await code { try await io.to("a", "b").durable.emit("n") }, is: "notSupported")
        try expect("volatile", try await code { try await io.to("a").volatile.durable.emit("n") }, is: "notSupported")
        try expect("local", try await code { try await io.to("a").local.durable.emit("n") }, is: "notSupported")
        try expect("reserved", try await code { try await io.to("a").durable.emit("connect") }, is: "reservedEventName")
        let long = String(repeating: "x", count: 1_000_000)
        try expect("long name", try await code { try await io.to(long).durable.emit("n") }, is: "roomRefused")
        // The room "small" keeps 64 KiB.
        let text = String(repeating: "x", count: 65_536 - 8)
        _ = try await io.to("small").durable.emit("n", text)
        try expect(
            "one byte over", try await code { try await io.to("small").durable.emit("n", text + "x") }, is: "tooLarge")
    }

    private static func order(_ servers: ContractServers) async throws {
        let members = try await servers.clients(["r"])
        let each = 60
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in servers.all.indices {
                group.addTask {
                    for number in 1...each {
                        _ = try await servers.all[index].to("r").durable.emit("n", 1_000 * (index + 1) + number)
                    }
                }
            }
            try await group.waitForAll()
        }
        var orders: [[Int]] = []
        for member in members {
            var found: [Int] = []
            for place in 1...UInt64(each * servers.count) {
                let event = try await member.next("n")
                try expect("the number of a position", try position(event).number, is: place)
                found.append(number(event) ?? 0)
            }
            orders.append(found)
        }
        try expect("one order", Set(orders).count, is: 1)
        for index in servers.all.indices {
            let own = orders[0].filter { $0 / 1_000 == index + 1 }
            try expect("the order of one sender", own, is: (1...each).map { 1_000 * (index + 1) + $0 })
        }
    }
}
