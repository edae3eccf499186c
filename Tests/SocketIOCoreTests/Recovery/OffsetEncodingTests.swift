// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import Testing

@testable import SocketIOCore

@Suite("Events with an offset")
struct OffsetEncodingTests {
    /// The packet that a longer array gives in the general way.
    private func expected(_ json: String, nsp: String, _ attachments: [ByteBuffer] = []) -> OutboundMessage {
        DefaultEncoder.event(nsp: nsp, json: ByteBuffer(string: json), attachments: attachments)
    }

    @Test("The offset is one more argument", arguments: ["/", "/chat", "/é"])
    func appended(nsp: String) {
        for (json, result) in [
            (#"["ev"]"#, #"["ev","OFF-1"]"#), (#"["ev","x",{"a":[]}]"#, #"["ev","x",{"a":[]},"OFF-1"]"#),
            (#"["ev" ] "#, #"["ev","OFF-1"]"#),
        ] {
            let message = DefaultEncoder.event(nsp: nsp, json: ByteBuffer(string: json), offset: "OFF-1")
            #expect(message == expected(result, nsp: nsp))
        }
        let attachments = [ByteBuffer(bytes: [1, 2, 3]), ByteBuffer()]
        let json = #"["ev",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}"#
        let binary = DefaultEncoder.event(
            nsp: nsp, json: ByteBuffer(string: json + "]"), attachments: attachments, compress: false, offset: "O")
        var wanted = expected(json + #","O"]"#, nsp: nsp, attachments)
        wanted.compress = false
        #expect(binary == wanted)
    }

    @Test("The frame's header fits at every length", arguments: [100, 118, 119, 120, 65_520, 65_526, 65_527, 70_000])
    func lengths(length: Int) {
        let text = String(repeating: "x", count: length)
        let message = DefaultEncoder.event(nsp: "/", json: ByteBuffer(string: "[\"\(text)\"]"), offset: "O")
        #expect(message == expected("[\"\(text)\",\"O\"]", nsp: "/"))
    }

    @Test("Headroom in front of the text is left out")
    func headroom() throws {
        var writer = ArgumentWriter(eventName: "ev", headroom: 40)
        try writer.append("x")
        let message = DefaultEncoder.event(nsp: "/", json: writer.finish().json, offset: "O")
        #expect(message == expected(#"["ev","x","O"]"#, nsp: "/"))
    }

    @Test(
        "What is no array with elements is sent as it is",
        arguments: ["", "[", "]", "[]", "[ ]", " [\"a\"]", "{}", "[\"a\"}"])
    func notAnArray(json: String) {
        let message = DefaultEncoder.event(nsp: "/", json: ByteBuffer(string: json), offset: "O")
        #expect(message == expected(json, nsp: "/"))
    }
}
