// Part of socketio-server, MIT licence; see LICENSE.

/// What sending needs to know of the sessions of a shard, side by side in one array: a broadcast goes through sixteen
/// bytes for each recipient, one cache line for four of them, and mostly looks at nothing else. Following session,
/// transport and channel instead costs a broadcast to thousands more than all its instructions.
///
/// Confined to the shard's loop.
struct OutboundSlots {
    /// No session's slot.
    static let none: Int32 = -1
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
    private var owners: [EngineSession?] = []
    private var free: [Int32] = []
    /// Given back in this tick: a list of touched slots may still name them.
    private var retired: [Int32] = []

    // MARK: Sessions

    /// A slot for a session that is about to open.
    mutating func add(_ session: EngineSession) -> Int32 {
        if let slot = free.popLast() {
            slots[Int(slot)] = Slot(isOpen: true)
            owners[Int(slot)] = session
            return slot
        }
        slots.append(Slot(isOpen: true))
        owners.append(session)
        return Int32(truncatingIfNeeded: slots.count - 1)
    }

    /// The session is gone, and with it what was staged for it. Nobody else gets the slot before `tickEnded`.
    mutating func remove(_ slot: Int32) {
        guard slot >= 0 else { return }
        slots[Int(slot)] = Slot()
        owners[Int(slot)] = nil
        retired.append(slot)
    }

    mutating func tickEnded() {
        guard !retired.isEmpty else { return }
        free.append(contentsOf: retired)
        retired.removeAll(keepingCapacity: true)
    }

    func owner(_ slot: Int32) -> EngineSession? { owners[Int(slot)] }

    // MARK: Sending

    /// Whether messages for the session are taken; false for none.
    func isOpen(_ slot: Int32) -> Bool { slot >= 0 && slots[Int(slot)].isOpen }

    /// From now on messages for the session are dropped; what has been staged is not.
    mutating func close(_ slot: Int32) {
        guard slot >= 0 else { return }
        slots[Int(slot)].isOpen = false
    }

    func hasStaged(_ slot: Int32) -> Bool { slot >= 0 && slots[Int(slot)].first != OutboundQueue.none }

    /// Adds a message to the list of the session; true when it is the first.
    mutating func append(_ staged: StagedMessage, to slot: Int32, in queue: OutboundQueue) -> Bool {
        let before = slots[Int(slot)].last
        let last = queue.append(staged, after: before)
        slots[Int(slot)].last = last
        guard before == OutboundQueue.none else { return false }
        slots[Int(slot)].first = last
        return true
    }

    /// Empties the list of the session and returns it; nil when it is empty.
    mutating func take(_ slot: Int32) -> List? {
        guard slot >= 0 else { return nil }
        let (first, descriptor) = (slots[Int(slot)].first, slots[Int(slot)].descriptor)
        guard first != OutboundQueue.none else { return nil }
        slots[Int(slot)].first = OutboundQueue.none
        slots[Int(slot)].last = OutboundQueue.none
        let socket = descriptor == Self.noDescriptor ? nil : DirectSocket(descriptor: descriptor)
        return List(first: first, socket: socket)
    }

    // MARK: Past the session

    /// What is staged for the session may be sent to this socket without asking anybody, until `endBypass`.
    ///
    /// The transport answers for it, see `WebSocketTransport.isBypassed`.
    mutating func bypass(_ slot: Int32, to descriptor: CInt) {
        guard slot >= 0 else { return }
        slots[Int(slot)].descriptor = descriptor
    }

    func isBypassed(_ slot: Int32) -> Bool { slot >= 0 && slots[Int(slot)].descriptor != Self.noDescriptor }

    mutating func endBypass(_ slot: Int32) {
        guard slot >= 0 else { return }
        slots[Int(slot)].descriptor = Self.noDescriptor
    }
}
