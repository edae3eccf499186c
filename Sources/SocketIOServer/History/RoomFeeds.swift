// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOCore

/// The histories of a namespace's rooms, as any thread may use them. What they deliver goes through ``RoomFeedsCore``, on
/// one event loop.
final class RoomFeeds: RoomHistoryReceiver {
    let common: RoomHistories
    let namespace: String
    let core: LoopBound<RoomFeedsCore>
    private let store = NIOLockedValueBox<(any RoomHistory)?>(nil)
    private let refusal = NIOLockedValueBox<String?>(nil)
    private let local = NIOLockedValueBox(WeakAdapter())

    var settings: DurableRooms { common.settings }

    init(
        name: String, _ common: RoomHistories, eventLoop: any EventLoop, _ log: RateLimitedLogger<SocketLogKind>
    ) {
        self.common = common
        namespace = name
        core = LoopBound(RoomFeedsCore(name: name, common: common, eventLoop: eventLoop, log: log), on: eventLoop)
    }

    /// Uses the histories of an adapter.
    func share(_ history: any RoomHistory) { store.withLockedValue { $0 = history } }

    /// There are no histories, for this reason.
    func refuse(_ reason: String) { refusal.withLockedValue { $0 = reason } }

    /// Begins to deliver.
    ///
    /// - Parameter isAlone: Whether this server is the only one.
    func begin(_ local: MemoryAdapter, isAlone: Bool) {
        let store = store.withLockedValue { store in
            if store == nil, isAlone { store = common.memory }
            return store
        }
        guard let store else { return }
        let place = WeakAdapter(adapter: local)
        self.local.withLockedValue { $0 = place }
        core.run { [weak self] in $0.begin(place, store, self) }
        store.listen(in: namespace, self)
    }

    struct WeakAdapter: Sendable {
        weak var adapter: MemoryAdapter?
    }

    /// - Throws: ``SocketError`` with code `notSupported`.
    func history() throws -> any RoomHistory {
        guard let history = store.withLockedValue({ $0 }) else {
            throw SocketError(
                .notSupported,
                refusal.withLockedValue { $0 } ?? "the adapter keeps no histories that all servers could share")
        }
        return history
    }

    func wants(_ room: String) -> Bool { local.withLockedValue { $0.adapter }?.hasRoom(room) ?? false }

    // Always later, so that events that are kept one after the other arrive in that order.

    func kept(_ event: LiveEvent) { core.execute { $0.kept(event) } }

    func resumed() { core.execute { $0.resumed() } }
}

/// Delivers the events of the histories to the sockets of this server, in the order of their numbers.
final class RoomFeedsCore {
    private let name: String
    private let common: RoomHistories
    private let eventLoop: any EventLoop
    private let log: RateLimitedLogger<SocketLogKind>
    private var local = RoomFeeds.WeakAdapter()
    private var history: (any RoomHistory)?
    private weak var handle: RoomFeeds?
    private var feeds: [ExactName: RoomFeed<LiveEvent>] = [:]
    /// Rooms whose history is to be read, after these numbers.
    private var reads = CircularBuffer<Read>()
    private var activeReads = 0

    private struct Read: Sendable {
        let room: ExactName
        let after: UInt64
    }

    private static let maximumReads = 8
    private static let pageEvents = 256
    private static let pageBytes = 1 << 20
    private static let retryDelay = TimeAmount.milliseconds(200)

    init(
        name: String, common: RoomHistories, eventLoop: any EventLoop, log: RateLimitedLogger<SocketLogKind>
    ) {
        self.name = name
        self.common = common
        self.eventLoop = eventLoop
        self.log = log
    }

    /// The rooms that are followed.
    var count: Int { feeds.count }

    func begin(_ local: RoomFeeds.WeakAdapter, _ history: any RoomHistory, _ handle: RoomFeeds?) {
        self.local = local
        self.history = history
        self.handle = handle
        local.adapter?.onRoomEvent { [weak handle] event in
            guard case .deleted(let room) = event else { return }
            handle?.core.execute { $0.deserted(room) }
        }
    }

    /// Nobody here is in the room any more.
    private func deserted(_ room: String) {
        guard local.adapter?.hasRoom(room) != true else { return }
        feeds[ExactName(room)] = nil
    }

    // MARK: Events

    func kept(_ event: LiveEvent) {
        let room = ExactName(event.room)
        guard local.adapter?.hasRoom(event.room) == true else {
            feeds[room] = nil
            return
        }
        perform(feeds[room, default: RoomFeed()].received(event, at: event.position), room)
    }

    /// A client has read the history of a room up to this position.
    func begin(_ room: String, at position: RoomPosition) {
        guard local.adapter?.hasRoom(room) == true else { return }
        feeds[ExactName(room), default: RoomFeed()].begin(at: position)
    }

    /// The newest position of a room that is known here.
    func position(of room: String) -> RoomPosition? {
        guard let feed = feeds[ExactName(room)], let epoch = feed.epoch else { return nil }
        return RoomPosition(epoch: epoch, number: feed.last)
    }

    func resumed() { for room in feeds.keys { resume(room) } }

    private func resume(_ room: ExactName) {
        guard let action = feeds[room]?.resumed() else { return }
        perform(action, room)
    }

    private func perform(_ action: RoomFeed<LiveEvent>.Action, _ room: ExactName) {
        if action.missed > 0 {
            common.missed.increment(by: Int(clamping: action.missed))
            log.log(.historyIncomplete, ["nsp": "\(name)", "events": "\(action.missed)"])
        }
        if action.rejected > 0 {
            common.rejected.increment(by: action.rejected)
            log.log(.historyRejected, ["nsp": "\(name)", "events": "\(action.rejected)"])
        }
        for event in action.deliver { deliver(event) }
        guard let number = action.read else { return }
        reads.append(Read(room: room, after: number))
        readNext()
    }

    private func deliver(_ event: LiveEvent) {
        let content = event.content
        var options = BroadcastOptions(
            rooms: [event.room], except: content.except,
            flags: BroadcastFlags(compress: content.compress, isLocal: true))
        options.flags.roomPosition = event.position
        local.adapter?.broadcast(
            BroadcastPacket(namespace: name, event: content.event, data: content.data(at: event.position)),
            options: options)
    }

    // MARK: Reading what is missing

    private func readNext() {
        while activeReads < Self.maximumReads, let read = reads.popFirst() {
            if let history, let handle, let limits = try? common.settings.limits(of: read.room.text, in: name) {
                activeReads += 1
                Self.perform(read, history, limits, handle)
            } else {
                feeds[read.room] = nil
            }
        }
    }

    private static func perform(
        _ read: Read, _ history: any RoomHistory, _ limits: RoomHistoryLimits, _ handle: RoomFeeds
    ) {
        Task {
            let page = try? await history.read(
                .after(read.after), of: read.room.text, in: handle.namespace, count: pageEvents, bytes: pageBytes,
                limits)
            handle.core.execute { $0.finished(read.room, page) }
        }
    }

    private func finished(_ room: ExactName, _ page: RoomPage?) {
        activeReads -= 1
        defer { readNext() }
        guard let page else {
            feeds[room]?.readFailed()
            log.log(.historyUnread, ["nsp": "\(name)"])
            let handle = handle
            eventLoop.scheduleTask(in: Self.retryDelay) { [weak handle] in
                handle?.core.run { $0.resume(room) }
            }
            return
        }
        let action = feeds[room]?.read(page) { epoch, event in
            LiveEvent(
                room: room.text, position: RoomPosition(epoch: epoch, number: event.number), content: event.content)
        }
        if let action { perform(action, room) }
    }
}
