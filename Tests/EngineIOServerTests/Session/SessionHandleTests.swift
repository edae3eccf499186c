// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Foundation
internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Synchronization
internal import Testing

@testable internal import EngineIOServer

/// What a session's handle shows to any thread, while its event loop changes it. The thread sanitizer looks on.
@Suite struct SessionHandleTests {
    typealias Server = SessionTestServer

    /// Threads that look at handles until they are told to stop.
    private final class Readers: Sendable {
        private let isOver = Atomic(false)
        private let running = DispatchGroup()
        let complaints = NIOLockedValueBox<[String]>([])
        let looks = Atomic(0)

        /// Starts `count` threads that look at the sessions of the moment.
        func start(_ count: Int, _ sessions: @escaping @Sendable () -> [EngineSession]) {
            for _ in 0..<count {
                running.enter()
                Thread.detachNewThread {
                    while !self.isOver.load(ordering: .acquiring) {
                        for session in sessions() { self.look(session) }
                        // The other threads need a processor, too.
                        usleep(50)
                    }
                    self.running.leave()
                }
            }
        }

        private func look(_ session: EngineSession) {
            // In this order: what comes true later is asked first.
            let (upgraded, transport, isOpen) = (session.upgraded, session.transport, session.isOpen)
            if upgraded, transport != .websocket { complain("upgraded to \(transport)") }
            if !isOpen, session.isOpen { complain("open again") }
            if session.id.utf8.count != 20 || session.handshake.method != "GET" { complain("another id or request") }
            looks.wrappingAdd(1, ordering: .relaxed)
        }

        private func complain(_ text: String) { complaints.withLockedValue { $0.append(text) } }

        func stop() {
            isOver.store(true, ordering: .releasing)
            running.wait()
        }
    }

    @Test(.timeLimit(.minutes(2)), arguments: [1, 2])
    func anyThreadMayLookWhileClientsUpgrade(loops: Int) async throws {
        try await Server.run(loops: loops) { server in
            let readers = Readers()
            readers.start(2) { server.log.sessions }
            defer { readers.stop() }
            for round in 0..<20 {
                let http = try await server.connect()
                let sid = try await server.openPolling(http)
                let session = try #require(server.session(sid))
                #expect(session.transport == .polling && !session.upgraded && session.isOpen)
                let socket = try await server.connect()
                #expect(try await socket.upgrade(Server.target("websocket", sid)).status == 101)
                try await socket.send(SessionWire.text("2probe") + SessionWire.text("5") + SessionWire.text("4a"))
                #expect(try await socket.text() == "3probe")
                #expect(try await socket.text() == "4a")
                #expect(session.transport == .websocket && session.upgraded && session.isOpen)
                if round.isMultiple(of: 2) { socket.close() } else { session.close() }
                try await eventually("the end") { !session.isOpen }
                http.close()
            }
            #expect(readers.complaints.withLockedValue { $0 }.isEmpty)
            #expect(readers.looks.load(ordering: .relaxed) > 0)
        }
    }

    @Test func aSessionThatBeginsOnWebSocketIsNotUpgraded() async throws {
        try await Server.run { server in
            let wire = try await server.connect()
            let session = try #require(server.session(try await server.openWebSocket(wire)))
            #expect(session.transport == .websocket && !session.upgraded)
            #expect(await session.isWritable)
            session.close()
            #expect(await !session.isWritable)
            #expect(!session.isOpen)
        }
    }

    /// Handle and core refer to each other until the end. What the application has kept goes on to answer.
    @Test func theCoreForgetsItsHandleAtTheEnd() async throws {
        try await Server.run { server in
            let wire = try await server.connect()
            let sid = try await server.openPolling(wire)
            let session = try #require(server.session(sid))
            #expect(await session.core.get { $0.handle != nil })
            session.close(discard: true)
            _ = try await wire.get(Server.target("polling", sid))
            try await eventually("the end") { await session.core.get { $0.handle == nil } }
            #expect(session.id == sid && !session.isOpen && session.transport == .polling)
            session.close()
            session.send(OutboundMessage(head: .message(.text(ByteBuffer(string: "too late")))))
            #expect(await !session.isWritable)
        }
    }
}
