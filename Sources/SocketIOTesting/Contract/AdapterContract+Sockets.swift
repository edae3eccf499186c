// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

/// Sockets that are found, counted and moved, wherever they are.
extension AdapterContract {
    static let sockets: [Check] = [
        Check("sockets are described as they are, wherever they are", alone: true, tolerates: .order) { servers in
            let here = try await servers.client(0, ["a"])
            let there = try await servers.client(servers.count - 1, ["a", "b"])
            _ = try await servers.client(servers.count - 1, ["a"], namespace: "/other")
            let all = try await servers.io.fetchSockets()
            try expect("the sockets", Set(all.map(\.id)), is: [here.id, there.id])
            guard let found = all.first(where: { $0.id == there.id }) else { throw ContractFailure("not found") }
            try expect("its rooms", found.rooms, is: [there.id, "a", "b"])
            try expect("its query", found.handshake.query["EIO"], is: "4")
            try expect("its auth", found.handshake.auth["rooms"]?.array?.count, is: 2)
            try expect("its data", found.data["rooms"]?.array?.count, is: 2)
            try expect("in a, not b", try await servers.io.in("a").except("b").fetchSockets().map(\.id), is: [here.id])
            let local = try await servers.io.local.fetchSockets().map(\.id)
            try expect("local ones", Set(local), is: servers.count == 1 ? [here.id, there.id] : [here.id])
        },
        Check("ids, rooms and numbers are those of all servers", alone: true, tolerates: .order) { servers in
            let a = try await servers.clients(["a"])
            let b = try await servers.clients(["a", "b"])
            let io = servers.io
            try expect("all ids", try await io.allSockets(), is: NameSet((a + b).map(\.id)))
            try expect("ids in b", try await io.in("b").allSockets(), is: NameSet(b.map(\.id)))
            try expect("the rooms", try await io.adapter.allRooms(), is: NameSet((a + b).map(\.id) + ["a", "b"]))
            try expect("rooms by name", try await io.rooms(), is: ["a", "b"])
            try expect("how many", try await io.count(), is: 2 * servers.count)
            try expect("how many in b", try await io.in("b").count(), is: servers.count)
            try expect("how many in a and not in b", try await io.in("a").except("b").count(), is: servers.count)
            let counts = try await io.countByRoom()
            try expect("in each room", [counts["a"], counts["b"]], is: [2 * servers.count, servers.count])
            try expect("nothing", try await io.in("nobody").count(), is: 0)
            try expect("no ids", try await io.in("nobody").allSockets(), is: [])
        },
        Check("sockets join and leave rooms and are disconnected, wherever they are", alone: true, tolerates: .order) {
            servers in
            let a = try await servers.clients(["a"])
            let b = try await servers.clients(["b"])
            let io = servers.io
            io.in("a").socketsJoin("c", "d")
            try await eventually("all of a have joined") { try await io.in("c").count() == servers.count }
            io.in("a").except(a[0].id).socketsLeave("c")
            try await eventually("all but one have left c") { try await io.in("c").count() == 1 }
            try expect("d is left as it was", try await io.in("d").count(), is: servers.count)
            io.in("b").disconnectSockets()
            for socket in b { try await eventually("it is disconnected") { socket.events.isFinished } }
            try await eventually("those of a are left") { try await io.count() == servers.count }
            io.disconnectSockets(close: true)
            for socket in a { try await eventually("it is disconnected") { socket.events.isFinished } }
        },
        Check("a socket that is found is used from anywhere", alone: true, tolerates: .order) { servers in
            let socket = try await servers.client(servers.count - 1, ["a"])
            let found = try await servers.io.fetchSockets()
            try expect("the socket", found.map(\.id), is: [socket.id])
            found[0].join("b")
            try await eventually("it is in b") { try await servers.io.in("b").count() == 1 }
            found[0].leave("b")
            try await eventually("it has left b") { try await servers.io.in("b").count() == 0 }
            found[0].emit("hello", SocketData([1]))
            try expect("the event", try await socket.events.next(), is: TestEvent("hello", .binary([1])))
            found[0].disconnect()
            try await eventually("it is disconnected") { socket.events.isFinished }
        },
        Check("many sockets are found", alone: true, tolerates: .order) { servers in
            var ids: NameSet = []
            for number in 0..<60 { ids.insert(try await servers.client(number % servers.count, ["many"]).id) }
            try expect("their ids", NameSet(try await servers.io.in("many").fetchSockets().map(\.id)), is: ids)
            try expect("their number", try await servers.io.in("many").count(), is: 60)
        },
    ]
}
