// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Logging
internal import NIOConcurrencyHelpers
internal import Testing

@testable internal import socketio_server

@Suite struct LogLineTests {
    @Test func textForPeople() {
        let line = LogLine(
            timestamp: "2026-01-31T12:00:00.123Z", level: .info, label: "server", message: "listening",
            metadata: ["port": "3000", "address": "0.0.0.0", "why": "two words"])
        #expect(line.text == "2026-01-31T12:00:00.123Z info    listening address=0.0.0.0 port=3000 why=\"two words\"\n")
    }

    @Test func objectsForCollectors() throws {
        let line = LogLine(
            timestamp: "2026-01-31T12:00:00.123Z", level: .warning, label: "server", message: "a \"b\"\\\n",
            metadata: ["list": ["a", "b"], "map": ["k": .stringConvertible(1)]])
        #expect(
            line.json == #"{"timestamp":"2026-01-31T12:00:00.123Z","level":"warning","label":"server","#
                + #""message":"a \"b\"\\\n","metadata":{"list":["a","b"],"map":{"k":"1"}}}"# + "\n")
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.json.utf8)) }
    }

    /// A quote with an accent is one `Character`: it has to be escaped all the same.
    @Test(arguments: ["\"", "\\", "=", " "], ["\u{301}", "\u{200D}", "\u{FE0F}", ""])
    func nothingEndsAText(character: String, mark: String) throws {
        let text = "a\(character)\(mark),b"
        let line = LogLine(timestamp: "", level: .info, label: "l", message: "m", metadata: ["k": "\(text)"])
        let object = try JSONSerialization.jsonObject(with: Data(line.json.utf8)) as? [String: Any]
        let value = (object?["metadata"] as? [String: String])?["k"]
        #expect(value.map { Array($0.utf8) } == Array(text.utf8))
        let escaped = character == "\"" ? "\\\"" : character
        let quote = character == "\\" ? "" : "\""
        #expect(Array(line.text.utf8) == Array(" info    m k=\(quote)a\(escaped)\(mark),b\(quote)\n".utf8))
    }

    @Test(arguments: ["a\nb", "a\r\nb", "\u{1B}[31mred", "\u{0}", "\u{7F}", "\u{85}", "\u{2028}x", "\"\\\"", "x=y z"])
    func nothingStartsASecondLine(text: String) throws {
        for format in Settings.Log.Format.allCases {
            let lines = LineStore()
            var logger = Logger(label: text) { label in
                LineLogHandler(label: label, level: .trace, format: format) { lines.append($0) }
            }
            logger[metadataKey: text] = .string(text)
            logger.error("\(text)", metadata: ["more": .array([.string(text)])])
            let line = try #require(lines.all.first)
            #expect(line.hasSuffix("\n"))
            let body = line.unicodeScalars.dropLast()
            #expect(!body.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) || $0.value == 0x2028 })
            guard format == .json else { continue }
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            #expect(object?["message"] as? String == text)
        }
    }

    @Test func levelsBelowTheSetOneAreLeftOut() {
        let lines = LineStore()
        let logger = Logger(label: "x") { label in
            LineLogHandler(label: label, level: .warning, format: .text) { lines.append($0) }
        }
        logger.info("no")
        logger.warning("yes")
        #expect(lines.all.count == 1)
    }

    @Test func timesAreUTCWithMilliseconds() {
        #expect(Timestamp.now().wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
    }
}

/// Lines that a handler wrote.
private final class LineStore: Sendable {
    private let lines = NIOLockedValueBox<[String]>([])

    var all: [String] { lines.withLockedValue { $0 } }

    func append(_ line: String) {
        lines.withLockedValue { $0.append(line) }
    }
}
