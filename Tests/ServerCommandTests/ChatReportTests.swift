// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOServer
import Logging
import NIOConcurrencyHelpers
import Testing

@testable import Chat
@testable import socketio_server

@Suite struct ChatReportTests {
    private struct CountingHandler: LogHandler {
        let lines: NIOLockedValueBox<[Logger.Metadata]>
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { nil }
            set {}
        }

        func log(event: LogEvent) { lines.withLockedValue { $0.append(event.metadata ?? [:]) } }
    }

    @Test func reportsOfASecondAreTenLinesAtMostWithoutTheTexts() {
        let lines = NIOLockedValueBox<[Logger.Metadata]>([])
        let log = RateLimitedLogger<ChatLogKind>(Logger(label: "test") { _ in CountingHandler(lines: lines) })
        let message = ChatMessage(
            room: "c:lobby:tea", seq: 7, id: "m", from: "bob", name: "Bob", text: "secret", time: 1)
        let report = ChatReport(by: ChatPerson(id: "ada", name: "Ada"), message: message, reason: "rude")
        for _ in 0..<10 { ChatStore.log(report, to: log) }
        let written = lines.withLockedValue { $0 }
        #expect(written.count == 10)
        #expect(written.first == ["room": "c:lobby:tea", "message": "7", "from": "bob", "by": "ada"])
        for _ in 0..<100 { ChatStore.log(report, to: log) }
        // A second may have gone by meanwhile, and one more may be written.
        #expect(lines.withLockedValue { $0.count } <= 20)
    }
}
