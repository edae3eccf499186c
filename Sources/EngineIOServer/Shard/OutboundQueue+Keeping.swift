// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

// The messages of clients that cannot take them now, and of polling clients. All that get the same messages share them.
extension OutboundQueue {
    // MARK: Clients that cannot take them now

    /// The messages of a list, in order, to be kept: one object for all sessions that keep the same message.
    func forEachHeld(from first: Int32, windowBits: Int32?, in budget: BufferBudget, _ body: (HeldMessage) -> Void) {
        var index = first
        while index != Self.none {
            let entry = entries[Int(index)]
            body(held(at: entry.place, windowBits: windowBits, in: budget))
            index = entry.next
        }
    }

    private func held(at place: MessagePlace, windowBits: Int32?, in budget: BufferBudget) -> HeldMessage {
        guard case .shared(let index) = place.kind else {
            return HeldMessage(message(at: place, windowBits: windowBits), in: budget)
        }
        let key = Int64(index) << 8 | Int64(windowBits ?? 0)
        if let held = held[key] { return held }
        let made = HeldMessage(message(at: place, windowBits: windowBits), in: budget)
        held[key] = made
        return made
    }

    /// The memory of a list of which the transport has just kept `unsent` bytes: the same object for all sessions that
    /// share it.
    func held(listFrom first: Int32, windowBits: Int32?, unsent: Int, in budget: BufferBudget) -> HeldBytes {
        let entry = entries[Int(first)]
        if entry.next == Self.none {
            if case .shared = entry.place.kind { return held(at: entry.place, windowBits: windowBits, in: budget) }
            return HeldBytes(unsent, in: budget)
        }
        guard windowBits == lastWindowBits, places(from: first) == lastList else {
            return HeldBytes(unsent, in: budget)
        }
        if let joinedHeld { return joinedHeld }
        let made = HeldBytes(joined.reduce(0) { $0 + $1.memoryBytes }, in: budget)
        joinedHeld = made
        return made
    }

    private func places(from first: Int32) -> [MessagePlace] {
        var places: [MessagePlace] = []
        var index = first
        while index != Self.none {
            places.append(entries[Int(index)].place)
            index = entries[Int(index)].next
        }
        return places
    }

    // MARK: Polling

    /// The body of a list that other clients may get as well, made once in a tick; nil when it has fewer than `minimum` bytes
    /// or a message for one client alone.
    func sharedPollingBody(listFrom first: Int32, minimum: Int) -> PollingBody? {
        var bytes = 0
        var index = first
        while index != Self.none {
            guard case .shared(let message) = entries[Int(index)].place.kind else { return nil }
            bytes += weights[message].bytes
            index = entries[Int(index)].next
        }
        guard bytes >= minimum else { return nil }
        let key = places(from: first)
        if let body = pollingBodies[key] { return body }
        var body = ByteBuffer()
        body.reserveCapacity(bytes)
        let mayCompress = append(listFrom: first, toPollingBody: &body)
        let made = PollingBody(body, mayCompress: mayCompress)
        pollingBodies[key] = made
        return made
    }

    /// Adds the messages of a list to a polling body; whether one of them may be compressed.
    func append(listFrom first: Int32, toPollingBody body: inout ByteBuffer) -> Bool {
        var mayCompress = false
        var index = first
        while index != Self.none {
            let entry = entries[Int(index)]
            index = entry.next
            switch entry.place.kind {
            case .shared(let index):
                PollingPayloadEncoder.append(messages[index], to: &body)
                mayCompress = mayCompress || messages[index].compress
            case .frame(let index):
                PollingPayloadEncoder.append(arena.payload(index), isBinary: false, to: &body)
                mayCompress = true
            }
        }
        return mayCompress
    }
}
