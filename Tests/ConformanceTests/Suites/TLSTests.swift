// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOServer
import NIOCore
import SocketIOTesting
import Testing

/// The TLS listener: polling, WebSocket and the upgrade, on one and on several event loops (where a connection cannot
/// move to its session's loop).
@Suite("TLS")
struct TLSTests {
    @Test("Messages of every size over TLS", arguments: TestTransport.allCases, [1, 2, 4])
    func echo(transport: TestTransport, loops: Int) async throws {
        try await ServerUnderTest.engineEcho(
            loops: loops,
            configure: {
                $0.tls = try? TestCertificate.server()
                $0.pingInterval = .seconds(25)
            }
        ) { plain in
            let address = try TestCertificate.client(plain)
            // Several sessions, so that connections of one session land on different loops.
            for _ in 0..<4 {
                let client = try await EngineTestClient.connect(to: address, path: "/engine.io/", transport: transport)
                for size in [0, 1, 125, 126, 65535, 65536, 500_000] {
                    let text = String(repeating: "é", count: size / 2)
                    try await client.send(text)
                    #expect(try await client.messages.next() == .text(text))
                    let bytes = [UInt8](repeating: 0xA5, count: size)
                    try await client.send(bytes)
                    #expect(try await client.messages.next() == .binary(bytes))
                }
                #expect(await client.transportName == (transport == .polling ? "polling" : "websocket"))
                await client.close()
            }
            // Plain bytes to a TLS port end that connection only.
            let confused = try await HTTPTestConnection.connect(to: plain)
            try await confused.write("GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n")
            try await confused.waitUntilClosed()
            let client = try await EngineTestClient.connect(to: address, path: "/engine.io/", transport: .websocket)
            await client.close()
        }
    }

    @Test("The upgrade under traffic over TLS", arguments: [1, 2, 4])
    func upgrade(loops: Int) async throws {
        try await ServerUnderTest.engineEcho(
            loops: loops,
            configure: {
                $0.tls = try? TestCertificate.server()
                $0.pingInterval = .seconds(25)
            }
        ) { plain in
            let address = try TestCertificate.client(plain)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<6 {
                    group.addTask { try await UpgradeFlowTests.run(number, address) }
                }
                try await group.waitForAll()
            }
        }
    }
}
