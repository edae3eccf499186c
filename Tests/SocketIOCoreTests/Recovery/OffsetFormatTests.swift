// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import Testing

@testable import SocketIOCore

@Suite("Offsets")
struct OffsetFormatTests {
    private let memory: OffsetFormat

    init() throws {
        memory = .memory(bootID: try #require(BootID("q3Zx0a")))
    }

    @Test("What is written is read back", arguments: [0, 1, 35, 36, 46_655, UInt64(1) << 40, .max])
    func roundTrip(count: UInt64) throws {
        #expect(try memory.position(memory.text(EventPosition(count))) == EventPosition(count))
        let id = EventPosition(high: count, low: count / 3)
        #expect(try OffsetFormat.stream.position(OffsetFormat.stream.text(id)) == id)
    }

    @Test("Offsets that are usual are small strings")
    func short() {
        #expect(memory.text(EventPosition(2_000_000_000)) == "q3Zx0a-x2qxvk")
        #expect(memory.text(EventPosition(2_000_000_000)).utf8.count <= 15)
    }

    @Test(
        "A text of another form is malformed, in memory",
        arguments: [
            "", "-", "abc", "q3Zx0a", "q3Zx0a-", "q3Zx0-1", "q3Zx0aa-1", "q3Zx0a--1", "q3Zx0a-+1", "q3Zx0a-1-2",
            "q3Zx0a-1!", "q3Z-0a-1", "q3Zx0a-" + String(repeating: "z", count: 14),
            String(repeating: "a", count: 10_000),
            "q3Zx0é-1", "1796074424517-0",
        ])
    func malformed(text: String) {
        #expect(throws: RecoveryFailure.malformedOffset) { try memory.position(text) }
    }

    @Test(
        "A text of another form is malformed, in streams",
        arguments: [
            "", "-", "1-", "-1", "1", "1--2", "+1-2", "1-+2", "1-2-3", "a-1", "0x1-2", "18446744073709551616-0", "1-0 ",
        ])
    func malformedID(text: String) {
        #expect(throws: RecoveryFailure.malformedOffset) { try OffsetFormat.stream.position(text) }
    }

    @Test("An offset of another run is unknown")
    func otherRun() {
        #expect(throws: RecoveryFailure.unknownOffset) { try memory.position("q3Zx0b-1") }
        #expect(throws: RecoveryFailure.unknownOffset) { try memory.position("Q3Zx0a-1") }
    }

    @Test("Positions are ordered by both parts")
    func order() {
        #expect(EventPosition(high: 1, low: 9) < EventPosition(high: 2, low: 0))
        #expect(EventPosition(high: 2, low: 0) < EventPosition(high: 2, low: 1))
        #expect(!(EventPosition(high: 2, low: 1) < EventPosition(high: 2, low: 1)))
    }

    @Test("A boot id is made of letters and digits and is not made twice")
    func bootIDs() {
        var rng = SystemRandomNumberGenerator()
        let ids = (0..<100).map { _ in BootID(using: &rng) }
        #expect(Set(ids).count == 100)
        #expect(ids.allSatisfy { BootID($0.text) == $0 })
    }

    @Test("The recorded offsets of streams are ids")
    func recorded() throws {
        var found = 0
        for line in try RecoveryVectors.lines("recovery") where line["adapter"]?.string == "streams" {
            for step in line["steps"]?.array ?? [] {
                guard let sent = step["send"]?.string, sent.hasPrefix("40{"),
                    let auth = try? SocketValue(json: String(sent.dropFirst(2))), let offset = auth["offset"]?.string
                else { continue }
                let id = line["id"]?.string ?? ""
                let isSpoilt = id.contains("spoils") || id.contains("malformed") || id.contains("without-arguments")
                // An `offset` of the application's own takes the place of the client's.
                let isOwn = offset == "mine"
                if isOwn || isSpoilt, offset.first?.isNumber != true { continue }
                #expect(throws: Never.self, "\(id): \(offset)") { try OffsetFormat.stream.position(offset) }
                found += 1
            }
        }
        #expect(found > 30)
    }
}
