// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import Testing

@testable import SocketIOCore

@Suite("Broadcasts as Node's streams adapter writes them")
struct BroadcastTextTests {
    private func text(_ data: String, _ options: BroadcastOptions) -> String {
        "\(BroadcastText.beginning)" + data + String(buffer: BroadcastText.end(options))
    }

    private func read(_ text: String, maximumDepth: Int = 128, maximumRooms: Int = 100) -> BroadcastText? {
        BroadcastText.read(ByteBuffer(string: text), maximumDepth: maximumDepth, maximumRooms: maximumRooms)
    }

    @Test func whatIsWrittenIsRead() throws {
        for rooms in [[], ["a"], ["a", "é\"\\\u{1}", ""]] {
            for except in [[], ["x"], ["x", "y"]] {
                for isVolatile in [false, true] {
                    let options = BroadcastOptions(
                        rooms: rooms, except: except, flags: BroadcastFlags(isVolatile: isVolatile))
                    let found = try #require(read(text(#"["ev",1,{"a":[]}]"#, options)))
                    #expect(String(buffer: found.data) == #"["ev",1,{"a":[]}]"# && found.event == "ev")
                    #expect(found.options.rooms == rooms && found.options.except == except)
                    #expect(found.options.flags == options.flags)
                }
            }
        }
    }

    @Test func flagsHaveNodesOrder() {
        var flags = BroadcastFlags(isVolatile: true, compress: false, timeout: .milliseconds(100))
        flags.expectsSingleResponse = true
        #expect(
            text("[]", BroadcastOptions(flags: flags))
                == #"{"packet":{"type":2,"data":[]},"opts":{"rooms":[],"except":[],"flags":"#
                + #"{"volatile":true,"compress":false,"timeout":100,"expectSingleResponse":true}}}"#)
    }

    @Test func halfACharacterIsPassedOnAsItIs() throws {
        let found = try #require(read(text(#"["ev","a\ud800b"]"#, BroadcastOptions())))
        #expect(String(buffer: found.data) == #"["ev","a\ud800b"]"#)
    }

    @Test func limits() {
        let rooms = (0..<5).map { "r\($0)" }
        let text = text("[\"ev\",[[]]]", BroadcastOptions(rooms: rooms, except: ["x"]))
        #expect(read(text, maximumRooms: 6) != nil)
        #expect(read(text, maximumRooms: 5) == nil)
        #expect(read(text, maximumDepth: 3) != nil)
        #expect(read(text, maximumDepth: 2) == nil)
    }

    /// Whatever stands there, it is read whole or not at all: every beginning, and every text with one byte changed.
    @Test func damagedTexts() {
        let text = Array(
            text(#"["ev","é"]"#, BroadcastOptions(rooms: ["a"], flags: BroadcastFlags(isVolatile: true))).utf8)
        for length in text.indices {
            #expect(
                BroadcastText.read(ByteBuffer(bytes: text[..<length]), maximumDepth: 9, maximumRooms: 9) == nil)
        }
        for index in text.indices {
            for byte in [0, UInt8(ascii: "\""), UInt8(ascii: "]"), UInt8(ascii: "{"), 0xFF] {
                var damaged = text
                damaged[index] = byte
                _ = BroadcastText.read(ByteBuffer(bytes: damaged), maximumDepth: 9, maximumRooms: 9)
            }
        }
        #expect(read(#"{"packet":{"type":2,"data":[]},"opts":{"rooms":[],"except":[],"flags":{}}}"#) == nil)
        #expect(read(#"{"packet":{"type":2,"data":[1]},"opts":{"rooms":[],"except":[],"flags":{}}}"#) == nil)
    }
}
