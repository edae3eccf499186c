// Part of socketio-server, MIT licence; see LICENSE.

/// Where a shard keeps what sending needs to know of one of its sessions. One of three number spaces: a client's sockets have
/// a `ClientSlot`, the members of a namespace a `MemberSlot`.
package struct SessionSlot: Sendable, Hashable {
    fileprivate let number: Int32

    /// No session's.
    static let none = SessionSlot(number: -1)

    var isNone: Bool { number < 0 }

    fileprivate var index: Int { Int(number) }
}

/// What sending needs to know of the sessions of a shard, side by side in one array: a broadcast goes through sixteen
/// bytes for each recipient, one cache line for four of them, and mostly looks at nothing else. Following session,
/// transport and channel instead costs a broadcast to thousands more than all its instructions.
///
/// Confined to the shard's loop.
struct OutboundSlots {
    private static let noDescriptor: CInt = -1

    private struct Slot {
        // The list of messages staged in this tick, see `OutboundQueue`.
        var first = OutboundQueue.none
        var last = OutboundQueue.none
        /// See `bypass`.
        var descriptor = OutboundSlots.noDescriptor
        var isOpen = false
    }

    /// What is to be delivered to one session.
    struct List {
        let first: Int32
        /// Nil when the session has to be asked how.
        let socket: DirectSocket?
    }

    private var slots: [Slot] = []
    private var owners: [SessionCore?] = []
    private var free: [SessionSlot] = []
    /// Given back in this tick: a list of touched slots may still name them.
    private var retired: [SessionSlot] = []

    // MARK: Sessions

    /// A slot for a session that is about to open.
    mutating func add(_ session: SessionCore) -> SessionSlot {
        if let slot = free.popLast() {
            slots[slot.index] = Slot(isOpen: true)
            owners[slot.index] = session
            return slot
        }
        slots.append(Slot(isOpen: true))
        owners.append(session)
        return SessionSlot(number: Int32(truncatingIfNeeded: slots.count - 1))
    }

    /// The session is gone, and with it what was staged for it. Nobody else gets the slot before `tickEnded`.
    mutating func remove(_ slot: SessionSlot) {
        guard !slot.isNone else { return }
        slots[slot.index] = Slot()
        owners[slot.index] = nil
        retired.append(slot)
    }

    mutating func tickEnded() {
        guard !retired.isEmpty else { return }
        free.append(contentsOf: retired)
        retired.removeAll(keepingCapacity: true)
    }

    func owner(_ slot: SessionSlot) -> SessionCore? { owners[slot.index] }

    // MARK: Sending

    /// Whether messages for the session are taken; false for none.
    func isOpen(_ slot: SessionSlot) -> Bool { !slot.isNone && slots[slot.index].isOpen }

    /// From now on messages for the session are dropped; what has been staged is not.
    mutating func close(_ slot: SessionSlot) {
        guard !slot.isNone else { return }
        slots[slot.index].isOpen = false
    }

    func hasStaged(_ slot: SessionSlot) -> Bool { !slot.isNone && slots[slot.index].first != OutboundQueue.none }

    /// Adds a message to the list of the session; true when it is the first.
    mutating func append(_ staged: StagedMessage, to slot: SessionSlot, in queue: OutboundQueue) -> Bool {
        let before = slots[slot.index].last
        let last = queue.append(staged, after: before)
        slots[slot.index].last = last
        guard before == OutboundQueue.none else { return false }
        slots[slot.index].first = last
        return true
    }

    /// Empties the list of the session and returns it; nil when it is empty.
    mutating func take(_ slot: SessionSlot) -> List? {
        guard !slot.isNone else { return nil }
        let (first, descriptor) = (slots[slot.index].first, slots[slot.index].descriptor)
        guard first != OutboundQueue.none else { return nil }
        slots[slot.index].first = OutboundQueue.none
        slots[slot.index].last = OutboundQueue.none
        let socket = descriptor == Self.noDescriptor ? nil : DirectSocket(descriptor: descriptor)
        return List(first: first, socket: socket)
    }

    // MARK: Past the session

    /// What is staged for the session may be sent to this socket without asking anybody, until `endBypass`.
    ///
    /// The transport answers for it, see `WebSocketTransport.isBypassed`.
    mutating func bypass(_ slot: SessionSlot, to descriptor: CInt) {
        guard !slot.isNone else { return }
        slots[slot.index].descriptor = descriptor
    }

    func isBypassed(_ slot: SessionSlot) -> Bool { !slot.isNone && slots[slot.index].descriptor != Self.noDescriptor }

    mutating func endBypass(_ slot: SessionSlot) {
        guard !slot.isNone else { return }
        slots[slot.index].descriptor = Self.noDescriptor
    }
}
