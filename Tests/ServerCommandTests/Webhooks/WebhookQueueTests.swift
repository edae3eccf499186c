// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer
internal import Testing

@testable internal import socketio_server

@Suite struct WebhookQueueTests {
    /// The bytes of one event.
    private static let size = #"{"id":"n-1","type":"join","node":"n","room":"r"}"#.utf8.count

    private static func queue(_ events: Int, maximumBytes: Int) -> WebhookQueue {
        let queue = WebhookQueue(node: "n", maximumBytes: maximumBytes)
        for _ in 0..<events { queue.add(.join, ["room": "r"]) }
        return queue
    }

    @Test func itHoldsSoManyBytesAndCountsTheRest() {
        let queue = Self.queue(4, maximumBytes: 3 * Self.size)
        var figures = queue.takeFigures()
        #expect(figures.waiting == 3 && figures.bytes == 3 * Self.size && figures.dropped == 1)
        #expect(queue.takeFigures().dropped == 0)
        queue.remove(2)
        queue.add(.join, ["room": "r"])
        figures = queue.takeFigures()
        #expect(figures.waiting == 2 && figures.bytes == 2 * Self.size && figures.dropped == 0)
        // Ids tell the receiver that something is missing.
        #expect(queue.first(9, bytes: .max).last?.contains("n-5") == true)
    }

    @Test func batchesAreBoundedInNumberAndBytes() {
        let queue = Self.queue(5, maximumBytes: 1 << 20)
        #expect(queue.first(3, bytes: .max).count == 3)
        #expect(queue.first(9, bytes: 2 * Self.size).count == 2)
        #expect(queue.first(9, bytes: 2 * Self.size - 1).count == 1)
        // One that is too long by itself goes alone.
        #expect(queue.first(9, bytes: 1).count == 1)
        queue.remove(9)
        #expect(queue.isEmpty && queue.first(9, bytes: .max).isEmpty)
    }

    @Test func theSignatureIsTheOneOfTheDocumentation() {
        let request = WebhookRequest([#"{"id":"n-1"}"#], secret: "0123456789abcdef", seconds: 1_700_000_000)
        #expect(request.body == #"{"events":[{"id":"n-1"}]}"#)
        #expect(request.timestamp == "1700000000")
        // printf '1700000000.{"events":[{"id":"n-1"}]}' | openssl dgst -sha256 -hmac 0123456789abcdef
        #expect(request.signature == "sha256=68fbf7f5481377ad6ebd112f16ebfe8da1c0293e4312142dc0e6586ab0175516")
    }

    @Test func settingsThatCannotWorkAreNamed() async throws {
        #expect(
            try await problems(yaml: "webhooks:\n  url: https://example.org/hook\n")[0].contains(
                "needs webhooks.secret"))
        #expect(try await problems(yaml: "webhooks:\n  url: ftp://example.org\n").count == 1)
        let base = "webhooks:\n  url: http://127.0.0.1:1/hook\n  secret: 0123456789abcdef\n"
        #expect(try await problems(yaml: base) == [])
        #expect(try await problems(yaml: base + "  events: [event]\n")[0].contains("needs webhooks.eventNames"))
        #expect(try await problems(yaml: base + "  events: [event]\n  eventNames: [order]\n") == [])
        #expect(try await problems(yaml: base + "  eventNames: [order]\n")[0].contains("'event' in webhooks.events"))
    }

    @Test("an event with arguments as deep as clients may nest them is sent like any other")
    func deepArguments() throws {
        let queue = WebhookQueue(node: "n", maximumBytes: 1 << 20)
        var value = SocketValue.string("x")
        for _ in 0..<127 { value = .array([value]) }
        queue.add(.event, ["args": .array([value])])
        let text = try #require(queue.first(9, bytes: 1 << 20).first)
        #expect(text.contains(String(repeating: "[", count: 128) + "\"x\""))
    }
}
