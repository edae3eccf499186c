// Part of socketio-server, MIT licence; see LICENSE.

/// What a run is about: messages leave, deliveries come, both are counted.
extension Worker {
    func begin(_ time: MeasuredTime) {
        window = time
        isSending = true
        for part in parts {
            if let rate = part.plan.rate {
                guard !part.senders.isEmpty else { continue }
                let share = Double(part.senders.count) / Double(part.plan.senders)
                // Not from now: what this thread was late is lateness of the plan, too.
                part.schedule = SendSchedule(
                    rate: rate, share: share, worker: index, begin: time.begin &- plan.warmUp)
                if part.plan.work == .connect { part.freeSlots = part.clients }
            } else if part.plan.work == .connect {
                for client in part.clients { startConnect(part, client, intended: now) }
            } else {
                for client in part.senders { fillWindow(part, client) }
            }
        }
    }

    private var maySend: Bool { isSending && now < (window?.end ?? 0) }

    // MARK: Closed loop

    private func fillWindow(_ part: PartWorker, _ client: LoadClient) {
        guard maySend, part.plan.rate == nil, client.state == .ready, let sender = client.sender else { return }
        if part.plan.work == .echo {
            while client.inFlight < part.plan.inFlight { send(part, client, intended: now) }
        } else if part.plan.work == .publish {
            while part.hasFreePlace(client, sender: sender) { send(part, client, intended: now) }
        }
    }

    // MARK: Fixed rate

    func sendDue() {
        guard isSending else { return }
        for part in parts {
            while let due = part.schedule?.next, due <= now, due < (window?.end ?? 0) {
                part.schedule?.advance()
                part.lag.record(now - due)
                if part.plan.work == .connect {
                    startConnect(part, part.freeSlots.popLast(), intended: due)
                } else {
                    let client = part.senders[part.nextSender % part.senders.count]
                    part.nextSender += 1
                    send(part, client, intended: due)
                }
            }
            if let due = part.schedule?.next, due >= (window?.end ?? 0) { part.schedule = nil }
        }
    }

    private func send(_ part: PartWorker, _ client: LoadClient, intended: UInt64) {
        guard client.state == .ready, let sender = client.sender, let message = client.message else {
            part.counts.unsent += 1
            return
        }
        guard (client.socket?.pendingBytes ?? client.waiting.count) < Stream.outboxLimit else {
            part.counts.unsent += 1
            return
        }
        let sequence = client.nextSequence
        client.nextSequence = sequence &+ 1
        client.inFlight += 1
        part.counts.sent += 1
        if window?.contains(intended) ?? false { part.counts.sentMeasured += 1 }
        if part.plan.work == .publish { part.take(sequence, sender: sender, room: client.room) }
        let stamp = MessageStamp(publisher: UInt32(sender), sequence: sequence, time: intended)
        message.write(stamp, id: part.plan.work == .echo ? sequence &+ 1 : nil, to: &scratch)
        sendText(client, scratch)
    }

    // MARK: Deliveries

    func receivedAcknowledgement(_ client: LoadClient, _ packet: UnsafeBufferPointer<UInt8>) {
        let part = client.part
        guard let (id, stamp) = part.reader.readAcknowledgement(packet) else {
            part.counts.other += 1
            return
        }
        if client.state == .joining, id == 0 { return isReady(client) }
        guard part.plan.work == .echo else {
            part.counts.other += 1
            return
        }
        guard let stamp, stamp.sequence == id &- 1, Int(stamp.publisher) == client.number,
            stamp.sequence < client.nextSequence
        else {
            part.counts.damaged += 1
            return
        }
        guard judge(part, slot: client.checks, stamp) else { return }
        client.inFlight -= 1
        fillWindow(part, client)
    }

    func receivedEvent(_ client: LoadClient, _ packet: UnsafeBufferPointer<UInt8>) {
        let part = client.part
        guard part.plan.work == .publish else {
            part.counts.other += 1
            return
        }
        let stamp: MessageStamp
        switch part.reader.readEvent(packet) {
        case .other:
            part.counts.other += 1
            return
        case .damaged:
            part.counts.damaged += 1
            return
        case .delivery(let read): stamp = read
        }
        let perRoom = part.plan.publishersPerRoom
        let sender = Int(stamp.publisher)
        guard sender / perRoom == client.room else {
            part.counts.misdelivered += 1
            return
        }
        guard judge(part, slot: client.checks + sender % perRoom, stamp),
            part.arrive(stamp.sequence, sender: sender, room: client.room)
        else { return }
        let owner = part.workerOfSender(sender)
        if owner == index {
            completed(part, sender: sender, sequence: stamp.sequence)
        } else {
            tell(owner, .delivered(part: part.number, sender: sender, sequence: stamp.sequence))
        }
    }

    /// Checks and counts one delivery; true when it is the first of its message to this client.
    private func judge(_ part: PartWorker, slot: Int, _ stamp: MessageStamp) -> Bool {
        switch part.checker.receive(stamp.sequence, slot: slot) {
        case .new: break
        case .outOfOrder: part.counts.outOfOrder += 1
        case .doubled:
            part.counts.doubled += 1
            return false
        case .implausible:
            part.counts.damaged += 1
            return false
        }
        count(part, stamp.time)
        return true
    }

    private func count(_ part: PartWorker, _ sent: UInt64) {
        part.counts.delivered += 1
        guard let window else { return }
        if window.contains(now) { part.counts.deliveredMeasured += 1 }
        if window.contains(sent) { part.latency.record(now > sent ? now - sent : 0) }
    }

    func completed(_ part: PartWorker, sender: Int, sequence: UInt32) {
        guard part.complete(sequence, sender: sender), let client = part.senderClient(sender) else { return }
        fillWindow(part, client)
    }

    // MARK: Connects

    private func startConnect(_ part: PartWorker, _ slot: LoadClient?, intended: UInt64) {
        guard let slot else {
            part.overdue.append(intended)
            return
        }
        part.counts.sent += 1
        if window?.contains(intended) ?? false { part.counts.sentMeasured += 1 }
        open(slot, began: intended)
    }

    func connected(_ client: LoadClient) {
        count(client.part, client.began)
        leave(client)
    }

    /// A slot has nothing to do: the next connect, if there is one.
    func slotIsFree(_ client: LoadClient) {
        let part = client.part
        if part.plan.rate == nil {
            if maySend { startConnect(part, client, intended: now) }
        } else if maySend, let intended = part.takeOverdue() {
            startConnect(part, client, intended: intended)
        } else {
            part.freeSlots.append(client)
        }
    }
}
