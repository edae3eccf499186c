// Part of socketio-server, MIT licence; see LICENSE.

/// One part of a run as one worker carries it: its clients, what they send and what is expected.
final class PartWorker {
    let plan: LoadPart
    let number: Int
    let reader: IncomingPacket
    private(set) var clients: [LoadClient] = []
    /// Clients of this worker which send, in turns at a fixed rate.
    private(set) var senders: [LoadClient] = []
    @exclusivity(unchecked) var checker = DeliveryChecker()
    @exclusivity(unchecked) var counts = PartCounts()
    @exclusivity(unchecked) var latency = LatencyRecorder()
    var lag = LatencyRecorder()
    var schedule: SendSchedule?
    var nextSender = 0
    /// Slots for connects that have nothing to do, and turns that found none.
    var freeSlots: [LoadClient] = []
    var overdue: [UInt64] = []
    private var overdueTaken = 0

    private let layout: LoadLayout
    private let worker: Int
    @exclusivity(unchecked) private var senderClients: [Int: LoadClient] = [:]
    /// Deliveries on this worker by sender and sequence modulo window.
    @exclusivity(unchecked) private var arrived: [Int32] = []
    /// Workers on which a message of a local sender is not complete.
    @exclusivity(unchecked) private var pending: [Int32] = []
    @exclusivity(unchecked) private var localMembers: [Int32] = []
    private let roomWorkers: [Int32]

    init(_ load: LoadPlan, number: Int, worker: Int) {
        let plan = load.parts[number]
        self.plan = plan
        self.number = number
        self.worker = worker
        let layout = LoadLayout(plan, targets: load.targets.count, threads: load.threads)
        self.layout = layout
        roomWorkers = plan.work == .publish ? (0..<plan.rooms).map { Int32(layout.workers(ofRoom: $0)) } : []
        reader = IncomingPacket(event: load.events.delivery, namespace: load.namespacePrefix, size: plan.size)
        localMembers = Array(repeating: 0, count: plan.rooms)
        for client in 0..<plan.connections where layout.worker(ofClient: client) == worker {
            add(client, load)
        }
        if plan.work == .publish, plan.rate == nil {
            arrived = Array(repeating: 0, count: plan.senders * plan.inFlight)
            pending = arrived
        }
    }

    private func add(_ number: Int, _ load: LoadPlan) {
        let room = plan.work == .publish ? number / plan.receivers : 0
        let client = LoadClient(number: number, target: number % load.targets.count, room: room, part: self)
        client.checks = checker.reserve(plan.work == .publish ? plan.publishersPerRoom : 1)
        client.sender = layout.sender(ofClient: number)
        clients.append(client)
        localMembers[room] += 1
        guard let sender = client.sender else { return }
        senders.append(client)
        senderClients[sender] = client
        guard plan.work != .connect else { return }
        // Clients come room by room, and all who echo are in one.
        let last = senders.dropLast().last
        client.message = last?.room == room ? last?.message : message(load, room)
    }

    private func message(_ load: LoadPlan, _ room: Int) -> OutgoingMessage {
        let arguments = plan.work == .publish ? JSONText.quoted(load.roomName(part: number, room: room)) + "," : ""
        return OutgoingMessage(
            event: plan.work == .publish ? load.events.publish : load.events.echo, namespace: load.namespacePrefix,
            arguments: arguments, size: plan.size)
    }

    func senderClient(_ sender: Int) -> LoadClient? { senderClients[sender] }

    func workerOfSender(_ sender: Int) -> Int { layout.worker(ofClient: layout.client(ofSender: sender)) }

    // MARK: Windows of publishers

    /// Whether the sender's next message has a free place in its window.
    func hasFreePlace(_ client: LoadClient, sender: Int) -> Bool {
        pending[place(sender, client.nextSequence)] == 0
    }

    func take(_ sequence: UInt32, sender: Int, room: Int) {
        guard plan.rate == nil else { return }
        pending[place(sender, sequence)] = roomWorkers[room]
    }

    /// Counts one delivery; true when every local member has the message.
    func arrive(_ sequence: UInt32, sender: Int, room: Int) -> Bool {
        guard plan.rate == nil else { return false }
        let index = place(sender, sequence)
        arrived[index] += 1
        guard arrived[index] >= localMembers[room] else { return false }
        arrived[index] = 0
        return true
    }

    /// One worker has delivered a message of a local sender; true when all have.
    func complete(_ sequence: UInt32, sender: Int) -> Bool {
        let index = place(sender, sequence)
        guard pending[index] > 0 else { return false }
        pending[index] -= 1
        return pending[index] == 0
    }

    private func place(_ sender: Int, _ sequence: UInt32) -> Int {
        sender * plan.inFlight + Int(sequence) % plan.inFlight
    }

    // MARK: The end

    /// The turn that waits longest for a slot.
    func takeOverdue() -> UInt64? {
        guard overdueTaken < overdue.count else { return nil }
        overdueTaken += 1
        return overdue[overdueTaken - 1]
    }

    /// Turns that never found a slot were not measured, and must be told.
    func countUnsentTurns() {
        while takeOverdue() != nil { counts.unsent += 1 }
    }

    /// Adds the messages of local senders to the list of all.
    func fillSent(_ list: inout [UInt32]) {
        for client in senders {
            if let sender = client.sender { list[sender] = client.nextSequence }
        }
    }

    /// Counts what never came.
    func findLosses(sent: [UInt32]) {
        guard plan.work == .echo || plan.work == .publish else { return }
        let perRoom = plan.work == .publish ? plan.publishersPerRoom : 1
        for client in clients {
            let first = plan.work == .publish ? client.room * perRoom : client.number
            for index in 0..<perRoom {
                counts.lost += checker.lost(slot: client.checks + index, sent: sent[first + index])
            }
        }
    }
}

/// Which client is on which worker, and who sends.
struct LoadLayout: Sendable {
    private let part: LoadPart
    private let targets: Int
    private let threads: Int

    init(_ part: LoadPart, targets: Int, threads: Int) {
        self.part = part
        self.targets = targets
        self.threads = threads
    }

    /// Rooms stay whole when there are enough of them, so that a window needs no other thread.
    private var keepsRoomsWhole: Bool { part.work == .publish && part.rooms >= threads }

    func worker(ofClient number: Int) -> Int {
        keepsRoomsWhole ? number / part.receivers % threads : number / targets % threads
    }

    /// How many workers have members of a room.
    func workers(ofRoom room: Int) -> Int {
        if keepsRoomsWhole { return 1 }
        let first = room * part.receivers
        return Set((first..<first + part.receivers).lazy.map { worker(ofClient: $0) }).count
    }

    func sender(ofClient number: Int) -> Int? {
        switch part.work {
        case .idle: return nil
        case .echo, .connect: return number
        case .publish:
            let member = number % part.receivers
            return member < part.publishersPerRoom ? number / part.receivers * part.publishersPerRoom + member : nil
        }
    }

    func client(ofSender sender: Int) -> Int {
        guard part.work == .publish else { return sender }
        return sender / part.publishersPerRoom * part.receivers + sender % part.publishersPerRoom
    }
}

extension LoadPlan {
    /// What stands between packet type and id or data.
    var namespacePrefix: String { namespace == "/" ? "" : "\(namespace)," }

    func roomName(part: Int, room: Int) -> String { "load-\(tag)-\(part)-\(room)" }
}
