// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOCore
import Testing

@Suite("Positions in a room's history")
struct RoomPositionTests: HistorySamples {
    @Test("A position survives its text", arguments: [0, 1, 17, RoomPosition.maximumNumber])
    func roundTrip(number: UInt64) throws {
        let position = at(number)
        #expect(position.description == "abc123-\(number)")
        #expect(RoomPosition(position.description) == position)
    }

    @Test(
        "Texts of another form are no positions",
        arguments: [
            "", "-", "abc123", "abc123-", "-1", "abc12-1", "abc1234-1", "abc123-+1", "abc123--1", "abc123-01",
            "abc123-1 ",
            "abc123-9007199254740992", "abc123-99999999999999999999999999", "ab!123-1", "abc123-1-1", "abc123-\u{0661}",
            String(repeating: "e\u{301}", count: 5_000),
        ])
    func malformed(text: String) { #expect(RoomPosition(text) == nil) }

    @Test("The position is the last argument")
    func argument() {
        let data = content().data(at: at(17))
        #expect(String(buffer: data.json) == #"["e","x","abc123-17"]"#)
        let bare = EventToKeep(
            event: "e", data: EncodedArguments(json: ByteBuffer(string: #"["e"]"#), attachments: []))
        #expect(String(buffer: bare.data(at: at(1)).json) == #"["e","abc123-1"]"#)
    }
}
