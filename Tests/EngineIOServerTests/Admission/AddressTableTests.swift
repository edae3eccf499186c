// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Testing

@testable internal import EngineIOServer

@Suite struct AddressTableTests {
    private static let second: UInt64 = 1_000_000_000

    private static func key(_ number: Int) -> AddressKey? {
        AddressKey("10.\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)")
    }

    @Test func addressesOfOneCustomerAreOne() throws {
        #expect(AddressKey("1.2.3.4") == AddressKey("::ffff:1.2.3.4"))
        #expect(AddressKey("1.2.3.4") != AddressKey("1.2.3.5"))
        #expect(AddressKey("::ffff:1.2.3.4")?.text == "1.2.3.4" && AddressKey("255.0.255.1")?.text == "255.0.255.1")
        #expect(AddressKey("2001:DB8:0:7:1::9")?.text == "2001:db8:0:7::/64")
        #expect(AddressKey("2001:db8:1:2::1") == AddressKey("2001:db8:1:2:ffff:ffff:ffff:ffff"))
        #expect(AddressKey("2001:DB8:1:2::1") == AddressKey("2001:db8:0001:0002::9"))
        #expect(AddressKey("2001:db8:1:2::1") != AddressKey("2001:db8:1:3::1"))
        // An IPv4 address and the network with the same bits.
        #expect(AddressKey("0.0.0.1") != AddressKey("::1:0:0:0:0"))
        #expect(AddressKey("0.0.0.0") != AddressKey("::"))
        for text in ["", "x", "1.2.3", "/tmp/socket", "1.2.3.4:80", String(repeating: "1", count: 1_000_000)] {
            #expect(AddressKey(text) == nil)
        }
        #expect(MemoryLayout<AddressKey>.size == 9)
    }

    @Test func sessionsAreCountedAndForgotten() throws {
        var table = AddressTable()
        let (one, other) = (try #require(Self.key(1)), try #require(Self.key(2)))
        table.opened(one)
        table.opened(one)
        table.opened(other)
        #expect(table.sessions(of: one) == 2 && table.sessions(of: other) == 1 && table.count == 2)
        table.closed(one, now: 0)
        table.closed(other, now: 0)
        // One more end than there were beginnings changes nothing.
        table.closed(other, now: 0)
        #expect(table.sessions(of: one) == 1 && table.sessions(of: other) == 0 && table.count == 1)
        table.closed(one, now: 0)
        #expect(table.count == 0)
    }

    @Test(arguments: [1, 3, 50]) func eachAddressHasItsOwnRate(rate: Int) throws {
        var table = AddressTable()
        let (one, other) = (try #require(Self.key(1)), try #require(Self.key(2)))
        let cells = CellRate(perSecond: rate)
        let interval = Self.second / UInt64(rate)
        func wait(_ key: AddressKey, _ now: UInt64) -> UInt64? { table.takeHandshake(of: key, rate: cells, now: now) }
        for _ in 0..<rate { #expect(wait(one, Self.second) == nil) }
        #expect(wait(one, Self.second) == interval)
        #expect(wait(other, Self.second) == nil)
        #expect(wait(one, Self.second + interval - 1) == 1)
        #expect(wait(one, Self.second + interval) == nil)
        // A session that ends does not fill the bucket.
        table.opened(one)
        table.closed(one, now: Self.second + interval)
        #expect(wait(one, Self.second + interval) == interval)
    }

    @Test func addressesThatAreQuietAgainAreForgotten() throws {
        var table = AddressTable()
        let cells = CellRate(perSecond: 2)
        for number in 0..<10_000 {
            _ = table.takeHandshake(of: try #require(Self.key(number)), rate: cells, now: 0)
        }
        #expect(table.count == 10_000)
        // Each call forgets two of those whose bucket is full again, and remembers one.
        for number in 0..<10_000 {
            _ = table.takeHandshake(of: try #require(Self.key(100_000 + number % 3)), rate: cells, now: Self.second)
        }
        #expect(table.count == 3)
    }

    /// However many addresses come at once, and none is quiet yet.
    @Test func theTableIsBounded() throws {
        var table = AddressTable(maximumIdle: 100)
        let cells = CellRate(perSecond: 1)
        var most = 0
        for number in 0..<10_000 {
            let key = try #require(Self.key(number))
            _ = table.takeHandshake(of: key, rate: cells, now: 0)
            // A session that comes and goes leaves no more behind.
            table.opened(key)
            table.closed(key, now: 0)
            most = max(most, table.count)
        }
        #expect(most == 100)
        // Those with sessions are not forgotten for it.
        let loyal = try #require(Self.key(1))
        table.opened(loyal)
        for number in 20_000..<30_000 {
            _ = table.takeHandshake(of: try #require(Self.key(number)), rate: cells, now: 0)
        }
        #expect(table.sessions(of: loyal) == 1)
        #expect(table.count <= 101)
    }

    @Test func nineTenthsOfTheDescriptorsAndAShareLeft() {
        #expect(DescriptorLimit.sessions(within: 256) == 230)
        #expect(DescriptorLimit.sessions(within: 20_000) == 18_000)
        #expect(DescriptorLimit.sessions(within: 1) == 1)
        #expect(DescriptorLimit.sessions(within: .max) == Int.max / 10 * 9 + 6)
        #expect([16, 128, 256, 1_024, 1_000_000].map(DescriptorLimit.headroom(of:)) == [3, 16, 24, 72, 72])
        #expect([0, 16, 64, 1_024].map(DescriptorLimit.reserve(of:)) == [0, 2, 8, 8])
    }
}
