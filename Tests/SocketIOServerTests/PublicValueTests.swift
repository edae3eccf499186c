// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import SocketIOTesting
import Testing

@testable import SocketIOServer

@Suite("Values of the public API")
struct PublicValueTests {
    private struct Report: Codable, Equatable {
        var reason = DisconnectReason.pingTimeout
        var transport = TransportName.websocket
        var close = CloseReason.transportClose
        var policy = SlowClientPolicy.dropOldest
        var asked = AskedServers.ofThisKind
        var action = RateLimits.Action.drop
        var partial = QueryOptions.PartialResults.accepted
    }

    @Test("enumerations are arguments of events, by the words of the protocol")
    func codable() async throws {
        try await withServer { io, address in
            io.onConnection { socket in
                socket.on("ask") { (reason: DisconnectReason, transport: TransportName) -> Report in
                    Report(reason: reason, transport: transport)
                }
            }
            let client = try await SocketTestClient.connect(to: address).join()
            let answer = try await client.emitWithAck("ask", "transport close", "polling")[0]
            #expect(answer["reason"] == "transport close" && answer["transport"] == "polling")
            #expect(answer["policy"] == "dropOldest" && answer["asked"] == "ofThisKind")
        }
        let coded = try JSONEncoder().encode(Report())
        #expect(try JSONDecoder().decode(Report.self, from: coded) == Report())
    }
}
