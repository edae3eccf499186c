// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import SocketIOCore

/// Events and positions for the tests of a room's history.
protocol HistorySamples {}

extension HistorySamples {
    static var epoch: BootID { BootID("abc123") ?? .any }
    var epoch: BootID { Self.epoch }
    /// Of another history.
    var other: BootID { BootID("xyz789") ?? .any }

    func content(_ text: String = "x") -> EventToKeep {
        EventToKeep(
            event: "e", data: EncodedArguments(json: ByteBuffer(string: "[\"e\",\"\(text)\"]"), attachments: []))
    }

    func at(_ number: UInt64, _ epoch: BootID = Self.epoch) -> RoomPosition {
        RoomPosition(epoch: epoch, number: number)
    }
}

extension BootID {
    fileprivate static var any: BootID {
        var rng = SystemRandomNumberGenerator()
        return BootID(using: &rng)
    }
}
