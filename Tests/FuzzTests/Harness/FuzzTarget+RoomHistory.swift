// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import NIOCore
internal import SocketIOCore

@testable internal import SocketIORedis
@testable internal import SocketIOServer

extension FuzzTarget {
    /// What durable rooms read from Redis. The first byte chooses: kept events, announcements, pages as replies of Redis.
    static let roomHistory = FuzzTarget(name: "room-history", maximumLength: 2048) { input in
        let bytes = FuzzInput.buffer(input.bytes.dropFirst())
        switch (input.bytes.first ?? 0) % 3 {
        case 0: try RoomHistoryCheck.event(bytes)
        case 1: try RoomHistoryCheck.announcement(bytes)
        default: try RoomHistoryCheck.page(bytes)
        }
    }
}

private enum RoomHistoryCheck {
    /// A kept event: reading what was written gives the same, and the position becomes its last argument.
    static func event(_ bytes: ByteBuffer) throws {
        guard let event = try? StoredRoomEvent.decode(bytes, in: "/") else { return }
        try require(event.bytes <= 3 * bytes.readableBytes, "an event of \(event.bytes) bytes")
        try placed(event)
        // Repaired names may be too long to be written.
        guard StoredRoomEvent.canBeEncoded(event) else { return }
        let again = try? StoredRoomEvent.decode(StoredRoomEvent.encode(event), in: "/")
        try require(again == event, "written and read again: \(again as Any) instead of \(event)")
    }

    private static func placed(_ event: EventToKeep) throws {
        guard let epoch = BootID("abc123") else { throw FuzzFinding("the epoch is none") }
        let position = RoomPosition(epoch: epoch, number: RoomPosition.maximumNumber)
        let data = event.data(at: position)
        let packet = try? BroadcastPacket(namespace: "/", json: data.json, attachments: data.attachments)
        guard let packet else { throw FuzzFinding("with its position, \(event) is no event") }
        try require(
            packet.event.hasSameBytes(as: event.event), "the position has made \(packet.event) of \(event.event)")
        guard let plain = try? event.data.received(offset: 1) else { return }
        guard let values = try? packet.arguments() else { throw FuzzFinding("the position has spoilt \(event)") }
        try require(values.count == plain.count + 1, "\(values.count) arguments instead of \(plain.count + 1)")
        try require(values.values.last == .string("\(position)"), "the last argument of \(event) is not the position")
    }

    static func announcement(_ bytes: ByteBuffer) throws {
        guard let message = RoomHistoryCommands.announcement(bytes) else { return }
        try require(message.position.number <= RoomPosition.maximumNumber, "the number is \(message.position.number)")
        try require(
            message.namespace.utf8.count + message.room.utf8.count <= 3 * bytes.readableBytes,
            "names are longer than the message")
        try require(message.event.readableBytes <= bytes.readableBytes, "the event is longer than the message")
        if let event = try? StoredRoomEvent.decode(message.event, in: message.namespace) { try placed(event) }
        // What was announced must not stop what the history has.
        var feed = RoomFeed<UInt64>()
        feed.begin(at: RoomPosition(epoch: message.position.epoch, number: 2))
        _ = feed.received(message.position.number, at: message.position)
        var page = RoomPage()
        (page.epoch, page.last) = (message.position.epoch, 3)
        _ = feed.read(page) { $1.number }
        _ = feed.received(4, at: RoomPosition(epoch: message.position.epoch, number: 4))
        try require(feed.last <= 4 + RoomPosition.maximumStep, "the feed is at \(feed.last)")
    }

    /// The replies as pages, one after the other.
    static func page(_ bytes: ByteBuffer) throws {
        let limits = RESPLimits(
            maximumBulkLength: 1_024, maximumReplyBytes: 2_048, maximumElements: 256, maximumDepth: 4,
            maximumLineLength: 100)
        let reader = RESPReader(limits: limits, recognisesMessages: false)
        reader.feed(bytes)
        var feed = RoomFeed<UInt64>()
        while let reply = try? reader.next() {
            guard case .value(let value) = reply else { return }
            _ = RoomHistoryCommands.position(value)
            try require(RoomHistoryCommands.foreignEntries(value) >= 0, "a negative number of foreign entries")
            for query in [RoomQuery.after(0), .newest] {
                var invalid = 0
                let page = RoomHistoryCommands.page(value, query, in: "/") { _ in invalid += 1 }
                guard let page else { continue }
                try check(page, invalid, size: bytes.readableBytes)
                guard let epoch = page.epoch else { continue }
                let action = feed.received(page.last, at: RoomPosition(epoch: epoch, number: page.last))
                guard action.read != nil else { continue }
                let read = feed.read(page) { $1.number }
                try require(
                    zip(read.deliver, read.deliver.dropFirst()).allSatisfy(<), "delivered in the order \(read.deliver)")
            }
        }
    }

    private static func check(_ page: RoomPage, _ invalid: Int, size: Int) throws {
        try require(page.epoch != nil || page == RoomPage(), "a page of no history: \(page)")
        try require(page.events.count + invalid <= size, "\(page.events.count) events and \(invalid) others")
        try require(page.last <= RoomPosition.maximumNumber, "the newest number is \(page.last)")
        try require((1...page.last + 1).contains(page.first), "the first number is \(page.first) of \(page.last)")
        try require(
            page.events.allSatisfy { $0.number >= page.first && $0.number <= page.last }, "numbers outside of \(page)")
        try require(
            zip(page.events, page.events.dropFirst()).allSatisfy { $0.number < $1.number }, "the order of \(page)")
        for event in page.events { try placed(event.content) }
    }
}
