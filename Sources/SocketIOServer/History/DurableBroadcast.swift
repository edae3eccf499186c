// Part of socketio-server, MIT licence; see LICENSE.

internal import LoopConfinement
public import SocketIOCore

/// Sends events to a room and keeps them in its history: made with ``BroadcastOperator/durable``.
///
/// ```swift
/// let position = try await io.to("lobby").durable.emit("chat message", message)
/// ```
///
/// A value, usable from any thread and any number of times.
public struct DurableBroadcast: Sendable {
    let operation: BroadcastOperator

    /// Keeps an event in the history of the room and sends it to the members, on all servers.
    ///
    /// All members get the events of a room in the order of their positions, and the position as one more argument at the end.
    /// Events that one caller sends one after the other, waiting for each, have that order. Exceptions (`except`, or the sender
    /// of `socket.to(room)`) are kept with the event and apply to replays, too.
    ///
    /// - Returns: The position, when the event has been kept. The members may get it a moment earlier or later.
    /// - Throws: ``SocketError`` with code `historyUnavailable` when the history cannot be reached: then the event reaches
    ///   nobody, or, if only the answer was lost, everybody. `tooLarge` for an event above the room's limit of bytes;
    ///   `notSupported` for anything but one room, for `volatile`, `local` and `coalescing`, and where there are no histories;
    ///   `roomRefused` for a name that is too long; `reservedEventName`. `EncodingError`.
    @discardableResult
    public func emit<each Argument: Encodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument
    ) async throws -> RoomPosition {
        try await send(event, .event(event, repeat each arguments))
    }

    /// The same with a list of arguments whose length is known at run time only.
    @discardableResult
    public func emit(_ event: String, arguments: [SocketValue]) async throws -> RoomPosition {
        try await send(event, .event(event, list: arguments))
    }

    /// The same with arguments that were received, as the same bytes.
    @discardableResult
    public func emit(_ event: String, arguments: EventArguments) async throws -> RoomPosition {
        try await send(event, .relay(event, arguments))
    }

    private func send(_ event: String, _ data: EncodedArguments) async throws -> RoomPosition {
        let options = operation.options
        guard case .namespace(let namespace) = operation.target, options.rooms.count == 1,
            let room = options.rooms.first
        else { throw SocketError(.notSupported, "an event is kept in the history of exactly one room of a namespace") }
        guard !options.flags.isVolatile, !options.flags.isLocal, options.flags.coalescingKey == nil else {
            throw SocketError(.notSupported, "an event in a history cannot be volatile, local or coalescing")
        }
        let (feeds, history) = try namespace.durableRooms(room)
        let limits = try feeds.settings.limits(of: room, in: namespace.name)
        let content = EventToKeep(event: event, data: data, except: options.except, compress: options.flags.compress)
        guard content.bytes <= limits.maxBytes else {
            feeds.common.metrics.refused(.historyEventBytes)
            throw SocketError(
                .tooLarge,
                "the event has \(content.bytes) bytes, and the history of its room at most \(limits.maxBytes)")
        }
        do {
            let seen = await feeds.core.get { $0.position(of: room) }
            let position = try await history.append(content, to: room, in: namespace.name, limits, seen: seen)
            feeds.common.kept.increment()
            return position
        } catch {
            feeds.common.failed.increment()
            throw error
        }
    }
}

extension BroadcastOperator {
    /// Keeps the event in the history of its room, see ``DurableRooms``.
    public var durable: DurableBroadcast { DurableBroadcast(operation: self) }
}

extension Namespace {
    /// - Throws: ``SocketError`` with code `notSupported` or `roomRefused`.
    func durableRooms(_ room: String) throws -> (RoomFeeds, any RoomHistory) {
        guard let feeds = local.histories else {
            throw SocketError(.notSupported, "rooms have no history unless the configuration says so (durableRooms)")
        }
        guard room.utf8.count <= context.configuration.maxNameLength else {
            throw SocketError(
                .roomRefused, "a room's name may have at most \(context.configuration.maxNameLength) bytes")
        }
        return (feeds, try feeds.history())
    }
}

extension Adapter {
    /// Whether everything that the adapter does, it does with the sockets of this server.
    func endsAt(_ local: MemoryAdapter) -> Bool {
        if let forwarding = self as? any AdapterSPI.ForwardingAdapter { return forwarding.base.endsAt(local) }
        return (self as AnyObject) === local
    }
}

extension MemoryAdapter {
    /// Whether rooms may have histories.
    package var keepsHistories: Bool { histories != nil }

    /// Uses histories that all servers share. Call it before the namespace is used.
    package func share(_ history: any RoomHistory) { histories?.share(history) }

    /// Has every use of histories fail for this reason. Call it before the namespace is used.
    package func refuseHistories(_ reason: String) { histories?.refuse(reason) }
}
