// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOCore
import Testing

@Suite struct RoomIndexTests {
    private let index = RoomIndex<String>()

    private func add(_ name: String, _ rooms: String...) -> RoomMember {
        let member = index.add(name)
        for room in rooms { index.join(room, member) }
        index.activate(member)
        return member
    }

    @Test func reportsWhatAdaptersAnnounce() {
        let ann = add("ann")
        let bob = add("bob")
        #expect(index.join("r", ann) == .joined(roomCreated: true))
        #expect(index.join("r", ann) == .alreadyMember)
        #expect(index.join("r", bob) == .joined(roomCreated: false))
        #expect(index.leave("r", ann) == .left(roomDeleted: false))
        #expect(index.leave("r", ann) == .notMember)
        #expect(index.leave("unknown", ann) == .notMember)
        #expect(index.leave("r", bob) == .left(roomDeleted: true))
        #expect(index.roomCount == 0)
        #expect(index.join("r", bob) == .joined(roomCreated: true))
    }

    @Test func roomsKeepTheOrderOfJoining() {
        let ann = add("ann", "a", "b", "c", "d")
        #expect(index.rooms(of: ann) == ["a", "b", "c", "d"])
        index.leave("b", ann)
        index.leave("a", ann)
        #expect(index.rooms(of: ann) == ["c", "d"])
        index.leave("c", ann)
        index.join("a", ann)
        #expect(index.rooms(of: ann) == ["d", "a"])
        #expect(index.contains(ann, in: "a"))
        #expect(!index.contains(ann, in: "b"))
    }

    @Test func selections() {
        _ = add("ann", "1", "x")
        _ = add("bob", "1", "2")
        _ = add("cid", "2", "y")
        _ = add("dan")
        #expect(index.members() == ["ann", "bob", "cid", "dan"])
        #expect(index.members(rooms: ["1"]) == ["ann", "bob"])
        #expect(index.members(rooms: ["1", "2"]) == ["ann", "bob", "cid"])
        #expect(index.members(rooms: ["1", "1", "unknown"]) == ["ann", "bob"])
        #expect(index.members(rooms: ["unknown"]) == [])
        #expect(index.members(except: ["1"]) == ["cid", "dan"])
        #expect(index.members(rooms: ["1", "2"], except: ["x", "y", "unknown"]) == ["bob"])
        #expect(index.members(rooms: ["1"], except: ["1"]) == [])
        #expect(index.count(rooms: ["1", "2"]) == 3)
        #expect(index.count() == 4)
        #expect(index.count(of: "2") == 2)
        #expect(index.count(of: "unknown") == 0)
    }

    /// Rooms of all sizes that overlap, members that are not active, and rooms to leave out, against sets.
    @Test func selectionsOfLargeRooms() {
        let sizes = [1, 7, 8, 9, 10, 64, 300]
        for number in 0..<300 {
            let member = index.add("\(number)")
            // The rooms end at different members and begin at the front, in the middle and at the back.
            for size in sizes {
                if number < size { index.join("front \(size)", member) }
                if (100..<100 + size).contains(number) { index.join("middle \(size)", member) }
                if number >= 300 - size { index.join("back \(size)", member) }
            }
            if number % 5 != 0 { index.activate(member) }
        }
        func numbers(_ room: String, _ size: Int) -> [Int] {
            let all = Array(0..<300)
            let members =
                switch room {
                case "front": all.prefix(size)
                case "middle": all.dropFirst(100).prefix(size)
                default: all.suffix(size)
                }
            return members.filter { $0 % 5 != 0 }
        }
        for first in sizes {
            for second in sizes {
                var seen = Set(numbers("back", 8))
                let expected = (numbers("front", first) + numbers("middle", second) + numbers("front", second))
                    .filter { seen.insert($0).inserted }
                let rooms = ["front \(first)", "middle \(second)", "front \(second)"]
                #expect(index.members(rooms: rooms, except: ["back 8"]) == expected.map(String.init))
                #expect(index.count(rooms: rooms, except: ["back 8"]) == expected.count)
            }
        }
    }

    @Test func pendingMembersAreInRoomsButNotSelected() {
        let ann = index.add("ann")
        #expect(index.join("r", ann) == .joined(roomCreated: true))
        #expect(index.members() == [])
        #expect(index.members(rooms: ["r"]) == [])
        #expect(index.count(of: "r") == 1)
        #expect(index.activeCount == 0)
        index.activate(ann)
        index.activate(ann)
        #expect(index.members() == ["ann"])
        #expect(index.members(rooms: ["r"]) == ["ann"])
        #expect(index.activeCount == 1)
        #expect(index[ann] == "ann")
    }

    @Test func removal() {
        let ann = add("ann", "a", "b")
        let bob = add("bob", "b")
        #expect(
            index.remove(ann) == [
                RoomDeparture(room: "a", roomDeleted: true), RoomDeparture(room: "b", roomDeleted: false),
            ])
        #expect(index.remove(ann) == [])
        #expect(index[ann] == nil)
        #expect(index.join("a", ann) == .unknownMember)
        #expect(index.leave("b", ann) == .notMember)
        #expect(index.rooms(of: ann) == [])
        #expect(!index.contains(ann, in: "b"))
        // The slot is used again; the old handle does not reach the new member.
        let cid = add("cid", "c")
        #expect(index.leaveAll(ann) == [])
        #expect(index.rooms(of: cid) == ["c"])
        #expect(index.members() == ["bob", "cid"])
        #expect(index.leaveAll(bob) == [RoomDeparture(room: "b", roomDeleted: true)])
        #expect(index.members() == ["bob", "cid"])
    }

    // MARK: Limits, at n and n + 1

    @Test func roomsPerMember() {
        let ann = add("ann")
        for room in 0..<1024 { #expect(index.join("\(room)", ann) == .joined(roomCreated: true)) }
        #expect(index.join("one more", ann) == .tooManyRooms)
        #expect(index.join("5", ann) == .alreadyMember)
        #expect(index.roomCount == 1024)
        #expect(index.leave("5", ann) == .left(roomDeleted: true))
        #expect(index.join("one more", ann) == .joined(roomCreated: true))
        #expect(index.remove(ann).count == 1024)
        #expect(index.roomCount == 0)
    }

    @Test func lengthOfNames() {
        let ann = add("ann")
        #expect(index.join(String(repeating: "é", count: 128), ann) == .joined(roomCreated: true))
        #expect(index.join(String(repeating: "e", count: 257), ann) == .nameTooLong)
        #expect(index.roomCount == 1)
    }

    // MARK: Changes during a selection

    @Test func theIndexMayChangeWhileItIsVisited() {
        let ann = add("ann", "r")
        let bob = add("bob", "r")
        let cid = add("cid", "r")
        var seen: [String] = []
        index.forEach(rooms: ["r"]) { name in
            seen.append(name)
            guard name == "ann" else { return }
            // A selection inside this one, a member that goes, one that leaves the room, and new ones.
            #expect(index.members(rooms: ["r"], except: ["none"]).count == 3)
            index.remove(bob)
            index.leave("r", cid)
            _ = add("dan", "r")
        }
        // cid was selected before it left; dan must not appear in bob's place.
        #expect(seen == ["ann", "cid"])
        #expect(index.members(rooms: ["r"]) == ["dan", "ann"] || index.members(rooms: ["r"]) == ["ann", "dan"])
        #expect(index[ann] == "ann")
        _ = add("eve", "r")
        #expect(Set(index.members(rooms: ["r"])) == ["ann", "dan", "eve"])
    }

    @Test func errorsEndTheVisit() {
        struct Stop: Error {}
        let ann = add("ann")
        _ = add("bob")
        #expect(throws: Stop.self) {
            try index.forEach { _ in
                index.remove(ann)
                throw Stop()
            }
        }
        _ = add("cid")
        #expect(Set(index.members()) == ["bob", "cid"])
    }

    // MARK: Against a model

    /// A few members and rooms, so that everything collides.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func agreesWithAModel(seed: UInt64) {
        run(seed: seed, memberCount: 12, roomCount: 8, steps: 20_000)
    }

    /// Members in many rooms, whose lists are indexed.
    @Test(arguments: [5, 6] as [UInt64])
    func agreesWithAModelOfLongLists(seed: UInt64) {
        run(seed: seed, memberCount: 6, roomCount: 60, steps: 20_000)
    }

    private func run(seed: UInt64, memberCount: Int, roomCount: Int, steps: Int) {
        var random = PacketTestRandom(seed: seed)
        var model = RoomModel()
        var handles: [String: RoomMember] = [:]
        var gone: [RoomMember] = []
        let rooms = (0..<roomCount).map { "room \($0)" }
        for step in 0..<steps {
            let room = rooms.randomElement(using: &random) ?? ""
            let name = handles.keys.sorted().randomElement(using: &random)
            switch Int.random(in: 0..<20, using: &random) {
            case 0 where handles.count < memberCount:
                let name = "member \(step)"
                handles[name] = index.add(name)
                model.members[name] = RoomModel.Member()
            case 1:
                guard let name, let handle = handles[name] else { continue }
                index.activate(handle)
                model.members[name]?.isActive = true
            case 2 where Int.random(in: 0..<4, using: &random) == 0:
                guard let name, let handle = handles.removeValue(forKey: name) else { continue }
                #expect(index.remove(handle) == model.leaveAll(name))
                model.members[name] = nil
                gone.append(handle)
            case 3 where Int.random(in: 0..<4, using: &random) == 0:
                guard let name, let handle = handles[name] else { continue }
                #expect(index.leaveAll(handle) == model.leaveAll(name))
            case 4...8:
                guard let name, let handle = handles[name] else { continue }
                #expect(index.leave(room, handle) == model.leave(room, name))
            case 9...15:
                guard let name, let handle = handles[name] else { continue }
                #expect(index.join(room, handle) == model.join(room, name))
            case 16:
                guard let old = gone.randomElement(using: &random) else { continue }
                #expect(index.join(room, old) == .unknownMember)
                #expect(index.leave(room, old) == .notMember)
            default:
                let targets = (0..<Int.random(in: 0...3, using: &random)).compactMap { _ in
                    rooms.randomElement(using: &random)
                }
                let except = (0..<Int.random(in: 0...2, using: &random)).compactMap { _ in
                    rooms.randomElement(using: &random)
                }
                let selected = index.members(rooms: targets, except: except)
                #expect(Set(selected) == model.select(targets, except))
                #expect(Set(selected).count == selected.count)
                #expect(index.count(rooms: targets, except: except) == selected.count)
            }
            guard step % 50 == 0 else { continue }
            for (name, handle) in handles { #expect(index.rooms(of: handle) == model.members[name]?.rooms) }
            #expect(Set(index.roomNames) == model.roomNames)
            #expect(index.count(of: room) == model.count(of: room))
        }
    }
}

/// The same as `RoomIndex` in the simplest way.
private struct RoomModel {
    struct Member {
        var rooms: [String] = []
        var isActive = false
    }

    var members: [String: Member] = [:]

    var roomNames: Set<String> { Set(members.values.flatMap(\.rooms)) }

    func count(of room: String) -> Int {
        members.values.filter { $0.rooms.contains(room) }.count
    }

    mutating func join(_ room: String, _ name: String) -> RoomJoin {
        if members[name]?.rooms.contains(room) == true { return .alreadyMember }
        let created = count(of: room) == 0
        members[name]?.rooms.append(room)
        return .joined(roomCreated: created)
    }

    mutating func leave(_ room: String, _ name: String) -> RoomLeave {
        guard let place = members[name]?.rooms.firstIndex(of: room) else { return .notMember }
        members[name]?.rooms.remove(at: place)
        return .left(roomDeleted: count(of: room) == 0)
    }

    mutating func leaveAll(_ name: String) -> [RoomDeparture] {
        (members[name]?.rooms ?? []).map { room in
            RoomDeparture(room: room, roomDeleted: leave(room, name) == .left(roomDeleted: true))
        }
    }

    func select(_ rooms: [String], _ except: [String]) -> Set<String> {
        Set(
            members.filter { _, member in
                member.isActive && (rooms.isEmpty || member.rooms.contains(where: rooms.contains))
                    && !member.rooms.contains(where: except.contains)
            }.keys)
    }
}
