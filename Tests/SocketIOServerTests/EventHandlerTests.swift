// Part of socketio-server, MIT licence; see LICENSE.

internal import Testing

@testable import SocketIOServer

@Suite("Handler tables")
struct EventHandlerTests {
    private func handler() -> any EventHandler { DynamicHandler { _, _ in } }

    private func isOne(_ match: EventHandlers.Match, _ handler: any EventHandler) -> Bool {
        if case .one(let found) = match { found.handler === handler } else { false }
    }

    @Test("order is kept, and what was for one time is forgotten when it is taken")
    func order() {
        var table = EventHandlers(SharedHandlerLayout())
        let (first, second, other) = (handler(), handler(), handler())
        table.add("a", isOnce: true, first)
        table.add("a", isOnce: false, second)
        table.add("b", isOnce: true, other)
        #expect(table.names == ["a", "b"])
        #expect(table.count(of: "a") == 2)
        if case .many(let found) = table.take("a") {
            #expect(found.map { ObjectIdentifier($0.handler) } == [first, second].map { ObjectIdentifier($0) })
        } else {
            Issue.record("not two")
        }
        #expect(table.count(of: "a") == 1)
        #expect(isOne(table.take("b"), other))
        if case .none = table.take("b") {} else { Issue.record("taken twice") }
        table.remove("a", id: first.id)
        #expect(isOne(table.take("a"), second))
        table.remove("a", id: second.id)
        #expect(table.names.isEmpty)
    }

    @Test("a table of many events finds each, whatever has gone before", arguments: [40, 200])
    func manyEvents(count: Int) {
        var table = EventHandlers(SharedHandlerLayout())
        let handlers = (0..<count).map { _ in handler() }
        for number in 0..<count { table.add("event \(number)", isOnce: false, handlers[number]) }
        for number in stride(from: 0, to: count, by: 3) { table.remove("event \(number)", id: handlers[number].id) }
        for number in 0..<count where number % 3 != 0 {
            #expect(isOne(table.take("event \(number)"), handlers[number]))
        }
        for number in 1..<count { table.removeAll("event \(number)") }
        #expect(table.names.isEmpty)
        for number in 0..<count { table.add("again \(number)", isOnce: true, handlers[number]) }
        for number in 0..<count {
            #expect(isOne(table.take("again \(number)"), handlers[number]))
            #expect(table.count(of: "again \(number)") == 0)
        }
    }

    @Test("equal registrations share a shape, others do not")
    func sharing() {
        let root = SharedHandlerLayout()
        let plain = SharedHandlerLayout.Entry("a", isOnce: false, ArgumentPlan())
        let shared = root.adding(plain)
        #expect(root.adding(plain) === shared)
        #expect(root.entries.isEmpty)
        #expect(root.adding(SharedHandlerLayout.Entry("b", isOnce: false, ArgumentPlan())) !== shared)
        #expect(root.adding(SharedHandlerLayout.Entry("a", isOnce: true, ArgumentPlan())) !== shared)
        #expect(root.adding(SharedHandlerLayout.Entry("a", isOnce: false, ArgumentPlan(Ack<Int>.self))) !== shared)
        #expect(shared.adding(plain) !== shared)
        #expect(shared.entries == [plain])
    }

    @Test("what one socket takes away or adds does not show at another")
    func independence() {
        let root = SharedHandlerLayout()
        var tables = (0..<3).map { _ in EventHandlers(root) }
        for index in tables.indices {
            for name in ["a", "b", "c"] { tables[index].add(name, isOnce: name == "b", handler()) }
        }
        tables[0].removeAll("a")
        tables[0].add("d", isOnce: false, handler())
        tables[0].add("e", isOnce: false, handler())
        _ = tables[1].take("b")
        tables[1].removeAll("c")
        #expect(tables[0].names == ["b", "c", "d", "e"])
        #expect(tables[1].names == ["a"])
        #expect(tables[2].names == ["a", "b", "c"])
    }

    @Test("names without end make no shapes without end")
    func bounds() {
        let root = SharedHandlerLayout()
        func shape(_ number: Int) -> SharedHandlerLayout {
            ["event \(number % 20)", "event \(number)"].reduce(root) { shape, name in
                shape.adding(SharedHandlerLayout.Entry(name, isOnce: false, ArgumentPlan()))
            }
        }
        for number in 0..<2000 {
            #expect(shape(number).entries.map(\.event) == ["event \(number % 20)", "event \(number)"])
        }
        #expect(shape(0) === shape(0))
        // Nobody keeps these.
        #expect(shape(1999) !== shape(1999))
        let long = (0..<100).reduce(root) { shape, number in
            shape.adding(SharedHandlerLayout.Entry("\(number)", isOnce: false, ArgumentPlan()))
        }
        #expect(long.entries.count == 100)
        // One socket's alone: it grows in place.
        #expect(long.adding(SharedHandlerLayout.Entry("last", isOnce: false, ArgumentPlan())) === long)
    }
}
