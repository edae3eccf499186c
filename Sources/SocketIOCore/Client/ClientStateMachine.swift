// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// Which namespaces one client has joined, and what a packet may do now (protocol 3.5, 3.7, 3.9).
///
/// Each namespace goes through
///
///     unknown ── CONNECT ──▶ pending ── connected ──▶ joined ── left ──▶ just left ── batchEnded ──▶ unknown
///        ▲                      └── connectFailed ──▶ unknown                └── CONNECT ──▶ pending
///
/// and the whole client from open to closed, for good. Only the joined state takes events, acks and DISCONNECT. Just
/// left is the rest of the batch of packets in which the socket went: what was already on its way when a handler called
/// `disconnect()` is dropped and does not count as a violation. A client that leaves by itself knows better: it goes to
/// unknown at once.
package struct ClientStateMachine: Sendable {
    private struct Entry: Sendable {
        var nsp: String
        /// The place in the order of joining; `pending` before.
        var order = Entry.pending
        var authBytes: Int32 = 0

        static let pending: Int32 = -1

        var isJoined: Bool { order != Entry.pending }
    }

    private let limits: ClientLimits
    private var slots = ShortList<Entry?>()
    private var justLeft: [String] = []
    private var occupied: Int32 = 0
    /// Bytes of `auth` of all namespaces, which are kept until the client leaves them.
    private var authBytes = 0
    /// How many namespaces are joined.
    private var joined: Int32 = 0
    private var nextOrder: Int32 = 0
    /// The slot of a DISCONNECT that is being carried out, or `noSlot`.
    private var leavingSlot = ClientStateMachine.noSlot
    private static let noSlot: ClientSlot = -1
    private let lenientNamespaceErrors: Bool
    private var isClosed = false
    /// False after a violation: the session is about to close, and its sockets stay listed until it does.
    private var acceptsPackets = true
    /// Whether any namespace has ever been joined: `connectTimeout` concerns only clients without (protocol 3.6).
    package private(set) var hasEverJoined = false

    /// `lenientNamespaceErrors`: packets for a namespace that is not joined are dropped and not a violation.
    package init(limits: ClientLimits = ClientLimits(), lenientNamespaceErrors: Bool = false) {
        self.limits = limits
        self.lenientNamespaceErrors = lenientNamespaceErrors
    }

    /// How many namespaces are joined.
    package var joinedCount: Int { Int(joined) }

    /// Whether `batchEnded` has something to do: call it on the loop's next turn.
    package var awaitsBatchEnd: Bool { !justLeft.isEmpty }

    /// Decides what becomes of a packet. Events and acknowledgements stay in it, which spares moving them to and fro.
    package mutating func received(_ packet: borrowing SocketPacket) -> ClientAction {
        guard acceptsPackets else { return .ignore(.clientClosed) }
        let nsp = packet.nsp
        switch packet.body {
        case .connect(let auth):
            return connectReceived(nsp: nsp, auth: auth)
        case .connectError:
            return violation(.connectErrorFromClient(nsp: nsp))
        case .event:
            guard let slot = joinedSlot(nsp) else { return notJoined(nsp) }
            return .event(slot: slot)
        case .ack:
            guard let slot = joinedSlot(nsp) else { return notJoined(nsp) }
            guard let id = packet.id else { return .ignore(.ackWithoutID) }
            return .ack(slot: slot, id: id)
        case .disconnect:
            guard let slot = joinedSlot(nsp) else { return notJoined(nsp) }
            leavingSlot = slot
            return .disconnect(slot: slot)
        }
    }

    /// The middlewares have accepted a pending connection. False when it no longer exists: drop it silently (protocol
    /// 3.5, rule 6).
    package mutating func connected(slot: ClientSlot) -> Bool {
        guard acceptsPackets, slots.indices.contains(slot.index), var entry = slots[slot.index], !entry.isJoined else {
            return false
        }
        entry.order = nextOrder
        slots[slot.index] = entry
        nextOrder = nextOrder == .max ? 0 : nextOrder + 1
        joined += 1
        hasEverJoined = true
        return true
    }

    /// A pending connection was refused. False when it is gone: then no CONNECT_ERROR is sent.
    package mutating func connectFailed(slot: ClientSlot) -> Bool {
        guard !isClosed, slots.indices.contains(slot.index), let entry = slots[slot.index], !entry.isJoined else {
            return false
        }
        free(slot)
        return acceptsPackets
    }

    /// A joined socket was closed, by either side. False when it was not joined.
    package mutating func left(slot: ClientSlot) -> Bool {
        guard !isClosed, slots.indices.contains(slot.index), let entry = slots[slot.index], entry.isJoined else {
            return false
        }
        free(slot)
        joined -= 1
        if leavingSlot == slot {
            leavingSlot = Self.noSlot
        } else {
            if justLeft.count >= limits.maxNamespaces { justLeft.removeFirst() }
            justLeft.append(entry.nsp)
        }
        return true
    }

    /// The packets that were read together with the last `left` have all been handed in.
    package mutating func batchEnded() {
        justLeft.removeAll(keepingCapacity: false)
    }

    /// Ends the client: every later packet and middleware result is ignored. Returns the joined slots in connection
    /// order, which is the order their sockets are closed in; nothing when called again.
    package mutating func close() -> [ClientSlot] {
        let open = joinedSlots
        isClosed = true
        acceptsPackets = false
        slots = .none
        occupied = 0
        joined = 0
        justLeft = []
        return open
    }

    /// The slots of the joined namespaces, in connection order.
    package var joinedSlots: [ClientSlot] {
        var found: [(order: Int32, slot: ClientSlot)] = []
        for slot in slots.indices {
            if let entry = slots[slot], entry.isJoined { found.append((entry.order, ClientSlot(slot))) }
        }
        found.sort { $0.order < $1.order }
        return found.map(\.slot)
    }

    /// The joined slot of a namespace.
    package func joinedSlot(_ nsp: String) -> ClientSlot? {
        for slot in slots.indices {
            guard let entry = slots[slot], entry.nsp.hasSameBytes(as: nsp) else { continue }
            return entry.isJoined ? ClientSlot(slot) : nil
        }
        return nil
    }

    private mutating func connectReceived(nsp: String, auth: ByteBuffer?) -> ClientAction {
        // Node.js looks at completed connections only: two CONNECTs during a slow middleware become two sockets there.
        guard nsp.utf8.count <= limits.maxNamespaceLength else {
            return .refuseConnect(nsp: nsp, .namespaceTooLong(limit: limits.maxNamespaceLength))
        }
        if isInUse(nsp) { return violation(.alreadyConnected(nsp: nsp)) }
        guard occupied < limits.maxNamespaces else {
            return .refuseConnect(nsp: nsp, .tooManyNamespaces(limit: limits.maxNamespaces))
        }
        let bytes = auth?.readableBytes ?? 0
        guard bytes <= limits.maxAuthBytes else {
            return .refuseConnect(nsp: nsp, .authTooLarge(limit: limits.maxAuthBytes))
        }
        guard authBytes + bytes <= limits.maxAuthBytesPerClient else {
            return .refuseConnect(nsp: nsp, .authTooLargeTogether(limit: limits.maxAuthBytesPerClient))
        }
        justLeft.removeAll { $0.hasSameBytes(as: nsp) }
        let entry = Entry(nsp: nsp, authBytes: Int32(clamping: bytes))
        authBytes += Int(entry.authBytes)
        occupied += 1
        if let slot = slots.firstIndex(where: { $0 == nil }) {
            slots[slot] = entry
            return .connect(slot: ClientSlot(slot), nsp: nsp, auth: auth)
        }
        slots.append(entry)
        return .connect(slot: ClientSlot(slots.count - 1), nsp: nsp, auth: auth)
    }

    private mutating func notJoined(_ nsp: String) -> ClientAction {
        if !isInUse(nsp), justLeft.hasBytes(of: nsp) { return .ignore(.socketJustLeft) }
        if lenientNamespaceErrors { return .ignore(.namespaceNotJoined) }
        return violation(.namespaceNotJoined(nsp: nsp))
    }

    /// Whether the namespace is joined or pending.
    private func isInUse(_ nsp: String) -> Bool {
        slots.firstIndex { $0?.nsp.hasSameBytes(as: nsp) ?? false } != nil
    }

    private mutating func violation(_ violation: ProtocolViolation) -> ClientAction {
        acceptsPackets = false
        return .violation(violation)
    }

    private mutating func free(_ slot: ClientSlot) {
        authBytes -= Int(slots[slot.index]?.authBytes ?? 0)
        slots[slot.index] = nil
        occupied -= 1
    }
}
