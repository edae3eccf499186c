// Part of socketio-server, MIT licence; see LICENSE.

/// The order in which one server delivers the events of a room with a history: that of their numbers, each once.
///
/// Events come from the history as they are kept. When some are missing, because the connection to the history was lost or
/// events have overtaken each other, they are read from the history, and later ones wait.
package struct RoomFeed<Event: Sendable>: Sendable {
    /// What the caller does next.
    package struct Action: Sendable {
        /// Events that are delivered now, in this order.
        package var deliver: [Event] = []
        /// Events after this number are to be read; nil for nothing.
        package var read: UInt64?
        /// How many events can no longer be delivered, because the history has dropped them.
        package var missed: UInt64 = 0
        /// How many events were rejected, because their numbers are too far above the newest one.
        package var rejected = 0
    }

    /// More events do not wait; the history has them.
    package static var maximumWaiting: Int { 64 }

    package private(set) var epoch: BootID?
    /// The number up to which everything has been delivered.
    package private(set) var last: UInt64 = 0
    /// Whether everything up to `last` has been delivered for certain.
    private var isExact = true
    private var waiting: [UInt64: Event] = [:]
    /// The epoch in which a read is under way.
    private var reading: BootID?
    /// The newest event that waited when the read began: the history had kept it by then.
    private var newestAtRead: UInt64 = 0
    /// Whether events may have been missed since the read began.
    private var isStale = false
    /// The place before an event whose number is so far below `last` that `last` may be of somebody else.
    private var doubtful: UInt64?

    package init() {}

    /// A client has read the history up to this position. Nothing happens when the feed has begun already.
    ///
    /// Events up to the position may still be on their way to other members of the room, so the first event that comes may be
    /// an earlier one. A later one tells that events have been missed.
    package mutating func begin(at position: RoomPosition) {
        guard epoch == nil else { return }
        (epoch, last, isExact) = (position.epoch, position.number, false)
    }

    /// An event has been kept.
    package mutating func received(_ event: Event, at position: RoomPosition) -> Action {
        var action = Action()
        let before = position.number - min(position.number, 1)
        if epoch == nil {
            // What came before was for nobody here.
            (epoch, last) = (position.epoch, before)
        } else if epoch != position.epoch {
            // The history tells whether it has begun anew: somebody else may say so, and members would get all of it again.
            return resumed()
        } else if !isExact {
            last = min(last, before)
        }
        isExact = true
        guard position.number > last else {
            if last - position.number > RoomPosition.maximumStep {
                doubtful = min(doubtful ?? before, before)
                read(&action)
            }
            return action
        }
        if position.number == last + 1 {
            action.deliver.append(event)
            last += 1
            deliverWaiting(&action)
        } else {
            if waiting.count < Self.maximumWaiting {
                waiting[position.number] = event
            } else {
                isStale = reading != nil
            }
            read(&action)
        }
        return action
    }

    /// Events may have been missed. A read that is under way may have been answered before they were kept, and is repeated.
    package mutating func resumed() -> Action {
        var action = Action()
        isStale = reading != nil
        read(&action)
        return action
    }

    /// A page of the events after the number that was asked for has been read.
    package mutating func read(_ page: RoomPage, _ make: (BootID, KeptEvent) -> Event) -> Action {
        let isRepeated = isStale
        isStale = false
        var action = take(page, make)
        if isRepeated { read(&action) }
        return action
    }

    private mutating func take(_ page: RoomPage, _ make: (BootID, KeptEvent) -> Event) -> Action {
        var action = Action()
        let isCurrent = reading == epoch
        reading = nil
        guard isCurrent else {
            // Another history has begun since.
            read(&action)
            return action
        }
        guard let pageEpoch = page.epoch else {
            // The history is gone. The next event begins another one.
            if page.last == 0 { waiting = [:] }
            return action
        }
        isExact = true
        if pageEpoch != epoch {
            restart(pageEpoch)
            read(&action)
            return action
        }
        if rejectImplausible(page.last, &action) {
            read(&action)
            return action
        }
        for event in page.events where event.number > last {
            action.missed += event.number - last - 1
            action.deliver.append(make(pageEpoch, event))
            last = event.number
        }
        if page.events.isEmpty, page.last > last, waiting[last + 1] == nil {
            action.missed += page.last - last
            last = page.last
        }
        deliverWaiting(&action)
        if last >= page.last, let next = waiting.keys.min(), next <= newestAtRead {
            // The history has lost its newest events: reading again would not find what comes before this one.
            action.missed += next - last - 1
            last = next - 1
            deliverWaiting(&action)
        }
        if !waiting.isEmpty || last < page.last { read(&action) }
        return action
    }

    /// Rejects waiting events whose numbers are too far above `newest`. Returns whether `last` was too high itself and has been
    /// corrected.
    private mutating func rejectImplausible(_ newest: UInt64, _ action: inout Action) -> Bool {
        var isCorrected = false
        if let doubtful {
            self.doubtful = nil
            // Half, because the history has gone on since that event.
            if last > newest, last - newest > RoomPosition.maximumStep / 2 {
                last = min(doubtful, newest)
                isCorrected = true
            }
        }
        let highest = max(last, newest) + RoomPosition.maximumStep
        action.rejected = waiting.count
        waiting = waiting.filter { $0.key <= highest }
        action.rejected -= waiting.count
        // Whether the events that wait had been kept when the read began is not known then: the next read tells.
        if newestAtRead > highest { newestAtRead = 0 }
        return isCorrected
    }

    /// The history could not be read. Call ``resumed()`` later.
    package mutating func readFailed() { (reading, isStale) = (nil, false) }

    private mutating func restart(_ newEpoch: BootID) {
        (epoch, last, doubtful) = (newEpoch, 0, nil)
        waiting = [:]
    }

    private mutating func read(_ action: inout Action) {
        guard reading == nil, let epoch else { return }
        reading = epoch
        newestAtRead = waiting.keys.max() ?? 0
        action.read = last
    }

    private mutating func deliverWaiting(_ action: inout Action) {
        while let event = waiting.removeValue(forKey: last + 1) {
            action.deliver.append(event)
            last += 1
        }
        if !waiting.isEmpty { waiting = waiting.filter { $0.key > last } }
    }
}
