// Part of socketio-server, MIT licence; see LICENSE.

public import SocketIOCore

/// Where a replay begins, see ``Socket/replay(_:since:)``.
public enum ReplayStart: Sendable, Hashable {
    /// With the oldest event that the history has.
    case beginning
    /// With the event after this position, the last one that the client has got.
    case position(RoomPosition)
    /// With the newest events, this many; 0 and less for none.
    case last(Int)
}

/// What a replay has sent.
public struct RoomReplay: Sendable, Hashable {
    /// The number of events.
    public var events: Int
    /// Whether the client has been sent everything since the start. False when the history has dropped events after the position, or
    /// is another one than that of the position; and for every start when the history was lost, or dropped events that had not been
    /// sent yet, while the replay was under way.
    public var isComplete: Bool
    /// The position up to which the client has everything; nil when the room has no history.
    public var position: RoomPosition?
}

/// An event of a room's history.
public struct RoomHistoryEvent: Sendable {
    /// The place in the history.
    public let position: RoomPosition
    /// When it was kept: milliseconds since 1970.
    public let time: Int64
    /// The name.
    public let event: String
    /// The arguments, without the position.
    public let arguments: EventArguments
}

/// A part of a room's history, see ``Namespace/history(of:before:limit:)``.
public struct RoomHistoryPage: Sendable {
    /// In the order of their positions.
    public var events: [RoomHistoryEvent] = []
    /// Whether the history has further events in the direction of the question.
    public var hasMore = false
    /// Whether no event is missing between the position that was given and the events of the page.
    public var isComplete = true
    /// The newest position that was given out; nil when the room has no history.
    public var newest: RoomPosition?
}

extension Namespace {
    /// The events before a position, or the newest ones: for showing earlier events page by page.
    ///
    /// - Parameters:
    ///   - position: Usually that of the oldest event shown so far; nil, the default, for the newest events.
    ///   - limit: The most events, at least 1; default 50. A page has no more than ``DurableRooms/maxReplayEvents`` and about
    ///     1 MiB in any case, but one event at least if there is one.
    /// - Throws: As ``Socket/replay(_:since:)``; ``SocketError`` with code `invalidArguments` for a limit below 1.
    public func history(
        of room: String, before position: RoomPosition? = nil, limit: Int = 50
    ) async throws -> RoomHistoryPage {
        try await page(room, position.map { .before($0.number) } ?? .newest, position, limit: limit)
    }

    /// The events after a position.
    ///
    /// - Parameter limit: As for ``history(of:before:limit:)``.
    /// - Throws: As ``history(of:before:limit:)``.
    public func history(of room: String, after position: RoomPosition, limit: Int = 50) async throws -> RoomHistoryPage
    {
        try await page(room, .after(position.number), position, limit: limit)
    }

    private static var pageBytes: Int { 1 << 20 }

    private func page(
        _ room: String, _ query: RoomQuery, _ position: RoomPosition?, limit: Int
    ) async throws -> RoomHistoryPage {
        let (feeds, history) = try durableRooms(room)
        let limits = try feeds.settings.limits(of: room, in: name)
        guard limit >= 1 else { throw SocketError(.invalidArguments, "limit must be at least 1") }
        let count = min(limit, feeds.settings.maxReplayEvents)
        let found = try await feeds.admitted {
            try await history.read(query, of: room, in: name, count: count, bytes: Self.pageBytes, limits)
        }
        var page = RoomHistoryPage()
        guard let epoch = found.epoch else {
            page.isComplete = position == nil
            return page
        }
        page.newest = RoomPosition(epoch: epoch, number: found.last)
        if let position, position.epoch != epoch || position.number > found.last + 1 {
            page.isComplete = false
            return page
        }
        page.events = found.events.compactMap { event in
            guard let arguments = try? event.content.data.received(offset: 1) else { return nil }
            return RoomHistoryEvent(
                position: RoomPosition(epoch: epoch, number: event.number), time: event.time,
                event: event.content.event,
                arguments: arguments)
        }
        if case .after(let number) = query {
            page.isComplete = found.first <= number + 1
            page.hasMore = (found.events.last?.number ?? found.last) < found.last
        } else {
            page.hasMore = (found.events.first?.number ?? found.first) > found.first
        }
        return page
    }
}

extension Server {
    /// The events of a room of `/`, see ``Namespace/history(of:before:limit:)``.
    public func history(
        of room: String, before position: RoomPosition? = nil, limit: Int = 50
    ) async throws -> RoomHistoryPage {
        try await sockets.history(of: room, before: position, limit: limit)
    }

    /// The events of a room of `/` after a position, see ``Namespace/history(of:after:limit:)``.
    public func history(of room: String, after position: RoomPosition, limit: Int = 50) async throws -> RoomHistoryPage
    {
        try await sockets.history(of: room, after: position, limit: limit)
    }
}

extension RoomFeeds {
    /// Does something with a history when it is its turn.
    func admitted<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await common.gate.run(body)
        } catch let error as SocketError where error.code == .overloaded {
            common.metrics.refused(.replays)
            throw error
        }
    }
}
