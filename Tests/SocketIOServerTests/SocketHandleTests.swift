// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import NIOConcurrencyHelpers
import SocketIOTesting
import Synchronization
import Testing

@testable import SocketIOServer

/// What a socket shows to any thread, while its event loop changes it. The thread sanitizer looks on.
@Suite struct SocketHandleTests {
    /// Threads that look at the sockets of the moment until they are told to stop.
    private final class Readers: Sendable {
        private let isOver = Atomic(false)
        private let running = DispatchGroup()
        let complaints = Recorder<String>()
        let looks = Atomic(0)

        func start(_ count: Int, _ sockets: @escaping @Sendable () -> [Socket]) {
            for _ in 0..<count {
                running.enter()
                Thread.detachNewThread {
                    while !self.isOver.load(ordering: .acquiring) {
                        for socket in sockets() { self.look(socket) }
                        // The other threads need a processor, too.
                        usleep(50)
                    }
                    self.running.leave()
                }
            }
        }

        private func look(_ socket: Socket) {
            // In this order: what comes true later is asked first.
            let (upgraded, transport) = (socket.conn.upgraded, socket.conn.transport)
            if upgraded, transport != .websocket { complaints.append("upgraded to \(transport)") }
            let (disconnected, rooms, connected) = (socket.disconnected, socket.rooms, socket.connected)
            if disconnected, connected { complaints.append("connected again") }
            if !rooms.isSubset(of: [socket.id, "a", "b"]) { complaints.append("rooms \(rooms)") }
            if socket.handshake.auth["token"]?.string != "secret" { complaints.append("another handshake") }
            if let number = socket.data["number"], !(0..<40).contains(number.int ?? -1) {
                complaints.append("data \(number)")
            }
            looks.wrappingAdd(1, ordering: .relaxed)
        }

        func stop() {
            isOver.store(true, ordering: .releasing)
            running.wait()
        }
    }

    @Test(.timeLimit(.minutes(3)), arguments: [1, 2])
    func anyThreadMayLookWhileSocketsChange(loops: Int) async throws {
        try await withServer(loops: loops) { io, address in
            let sockets = Recorder<Socket>()
            io.onConnection { socket in
                sockets.append(socket)
                socket.on("change") { (number: Int) in
                    socket.join(number.isMultiple(of: 2) ? "a" : "b")
                    socket.leave(number.isMultiple(of: 2) ? "b" : "a")
                    socket.data = ["number": .int(Int64(number))]
                    return number
                }
            }
            let readers = Readers()
            readers.start(2) { sockets.all }
            defer { readers.stop() }
            for round in 0..<10 {
                let client = try await SocketTestClient.connect(to: address, transport: .upgrade)
                let socket = try await client.join(auth: ["token": "secret"])
                for number in 0..<40 {
                    let answer = try await socket.emitWithAck("change", .int(number), within: .seconds(60))
                    #expect(answer == [.int(number)])
                }
                let handle = try #require(sockets.all.last)
                #expect(handle.rooms == [handle.id, "b"] && handle.data["number"]?.int == 39)
                if round.isMultiple(of: 2) { await client.close() } else { handle.disconnect(close: true) }
                try await eventually("the end") { handle.disconnected && handle.rooms.isEmpty }
            }
            #expect(readers.complaints.all.isEmpty)
            #expect(readers.looks.load(ordering: .relaxed) > 0)
        }
    }
}
