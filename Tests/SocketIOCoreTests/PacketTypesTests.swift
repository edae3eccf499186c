// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import SocketIOCore
import Testing

@Suite struct PacketTypesTests {
    /// The table of protocol 3.8.
    @Test func disconnectReasons() {
        let table: [(DisconnectReason, String, Bool)] = [
            (.transportError, "transport error", true), (.transportClose, "transport close", true),
            (.forcedClose, "forced close", true), (.pingTimeout, "ping timeout", true),
            (.parseError, "parse error", false), (.serverShuttingDown, "server shutting down", true),
            (.forcedServerClose, "forced server close", true),
            (.clientNamespaceDisconnect, "client namespace disconnect", false),
            (.serverNamespaceDisconnect, "server namespace disconnect", false),
        ]
        #expect(table.count == DisconnectReason.allCases.count)
        for (reason, text, isRecoverable) in table {
            #expect(reason.rawValue == text)
            #expect(reason.isRecoverable == isRecoverable)
        }
        for reason in CloseReason.allCases { #expect(DisconnectReason(reason).rawValue == reason.rawValue) }
    }

    @Test func optionsNameEachRoomOnce() {
        var options = BroadcastOptions(rooms: ["a", "b", "a"], except: ["x", "x"])
        #expect(options.rooms == ["a", "b"])
        #expect(options.except == ["x"])
        options.add(room: "b")
        options.add(room: "c")
        options.add(except: "a")
        #expect(options.rooms == ["a", "b", "c"])
        #expect(options.except == ["x", "a"])
        #expect(!options.reachesEveryone)
        #expect(BroadcastOptions().reachesEveryone)
        #expect(BroadcastFlags().compress)
    }

    @Test func typeDigits() {
        #expect(SocketPacketType.allCases.map(\.digit) == Array("0123456".utf8))
        #expect(SocketPacketType.allCases.filter(\.hasAttachments) == [.binaryEvent, .binaryAck])
    }
}
