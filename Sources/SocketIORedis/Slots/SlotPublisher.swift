// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import NIOCore

/// Publishes each message at the primary of its channel's slot, and tells the outcomes in the order of the messages. Lives
/// on its event loop.
///
///     down ── all slots are served ──▶ up ── a slot has moved, or a primary is lost ──▶ draining ── all outcomes told ──▶ down
///
/// A moved slot is treated like a lost connection: messages that Redis has not taken wait and are sent again in order.
/// That happens as soon as the subscribers of their channels, which have to move as well, are back.
final class SlotPublisher {
    private enum State: Equatable {
        case down
        case up
        case draining(reason: String)
    }

    private struct Pending {
        let channel: ByteBuffer
        var outcome: TransportOutcome?
    }

    weak var delegate: (any PubSubTransportDelegate)?
    private let nodes: RedisClusterNodes
    private var state = State.down
    /// The slots as messages are sent: only the answer of a server changes them, because the server that has a slot so far
    /// also has its subscribers.
    private var routes: RedisSlotMap?
    private var pending = CircularBuffer<Pending>()
    /// The tag of the first of `pending`.
    private var firstTag: UInt64 = 0
    private var wasFull = false
    /// How many subscribers channels had when they were last published to.
    private var receivers: [ByteBuffer: Int] = [:]
    /// Channels whose subscribers have to be back before anything is sent, and how many they were.
    private var awaited: [ByteBuffer: Int] = [:]
    private var awaitedUntil = NIODeadline.distantPast
    private var attempt = 0
    private var isClosed = false

    private static let maximumReceivers = 1024
    /// How long messages wait for the subscribers of a moved slot.
    private static let patience = TimeAmount.seconds(1)
    private static let interval = TimeAmount.milliseconds(5)

    init(_ nodes: RedisClusterNodes) { self.nodes = nodes }

    func close() {
        isClosed = true
        state = .down
    }

    // MARK: Publishing

    func publish(_ message: RedisPublish) -> TransportAdmission {
        guard case .up = state else { return .notConnected }
        let channel = message.channel
        guard let host = routes?.owner(of: RedisSlot.of(channel)), let client = nodes.client(of: host) else {
            drain("a slot has no primary")
            return .notConnected
        }
        switch client.publish(message, tag: firstTag + UInt64(pending.count)) {
        case .accepted:
            pending.append(Pending(channel: channel))
            return .accepted
        case .full:
            wasFull = true
            return .full
        case .notConnected:
            drain("the primary \(host) is not reached")
            return .notConnected
        }
    }

    func hasRoom() {
        guard wasFull else { return }
        wasFull = false
        delegate?.publisherHasRoom()
    }

    /// A server has answered, or its connection is lost.
    func settled(_ host: RedisHost, _ tag: UInt64, _ outcome: TransportOutcome) {
        guard tag >= firstTag, let index = Int(exactly: tag - firstTag), index < pending.count else { return }
        let position = pending.index(pending.startIndex, offsetBy: index)
        pending[position].outcome = judged(outcome, pending[position].channel, host)
        while let outcome = pending.first?.outcome {
            pending.removeFirst()
            firstTag += 1
            delegate?.published(outcome)
        }
        drained()
    }

    private func judged(_ outcome: TransportOutcome, _ channel: ByteBuffer, _ host: RedisHost) -> TransportOutcome {
        switch outcome {
        case .delivered(let count):
            note(count, of: channel)
            return outcome
        case .refused(let error as RedisError) where error.code == .redirected:
            expect(channel)
            if let redirection = error.redirection { nodes.moved(redirection, from: host) }
            drain("a slot has moved")
            return .notSent
        case .refused(let error as RedisError) where error.code == .loading:
            nodes.refused(error)
            drain(error.message)
            return .notSent
        default: return outcome
        }
    }

    // MARK: State

    private func drain(_ reason: String) {
        guard case .up = state else { return }
        state = .draining(reason: reason)
        drained()
    }

    private func drained() {
        guard case .draining(let reason) = state, pending.isEmpty, !isClosed else { return }
        state = .down
        delegate?.publisherChanged(isUp: false, reason: reason)
        // The delegate has to be done with what it was told first.
        nodes.eventLoop.assumeIsolated().execute { self.clusterChanged() }
    }

    /// The outcomes of everything that was sent to a lost primary have been told.
    func linkChanged(_ host: RedisHost) {
        if case .up = state, routes?.primaries.contains(host) ?? false, !(nodes.client(of: host)?.isUp ?? false) {
            for channel in receivers.keys where routes?.owner(of: RedisSlot.of(channel)) == host { expect(channel) }
            drain("the primary \(host) is not reached")
        }
        clusterChanged()
    }

    /// The map, or what else may have been waited for.
    func clusterChanged() {
        guard !isClosed else { return }
        if case .up = state, let routes, let map = nodes.map,
            let gone = routes.primaries.first(where: { !map.primaries.contains($0) })
        {
            for channel in receivers.keys where routes.owner(of: RedisSlot.of(channel)) == gone { expect(channel) }
            return drain("\(gone) is no primary any more")
        }
        guard case .down = state else { return }
        if let reason = nodes.reasonForTrouble {
            if !reason.isEmpty { delegate?.publisherChanged(isUp: false, reason: reason) }
            return
        }
        guard !awaited.isEmpty else { return goUp() }
        awaitSubscribers()
    }

    private func goUp() {
        state = .up
        routes = nodes.map
        awaited = [:]
        delegate?.publisherChanged(isUp: true, reason: "")
    }

    // MARK: Subscribers

    private func note(_ count: Int, of channel: ByteBuffer) {
        guard receivers[channel] != count else { return }
        if receivers.count >= Self.maximumReceivers { receivers.removeAll(keepingCapacity: true) }
        // A copy: the channel is a slice of the whole message.
        receivers[ByteBuffer(bytes: channel.readableBytesView)] = count
    }

    private func expect(_ channel: ByteBuffer) {
        guard let count = receivers[channel], count > 0 else { return }
        if awaited.isEmpty { awaitedUntil = nodes.eventLoop.now + Self.patience }
        awaited[ByteBuffer(bytes: channel.readableBytesView)] = count
    }

    /// Looks whether the subscribers of the channels are back, until they are, or for long enough.
    private func awaitSubscribers() {
        guard nodes.eventLoop.now < awaitedUntil else { return goUp() }
        attempt += 1
        let (number, channels) = (attempt, Array(awaited))
        nodes.subscriberCounts(of: channels.map { String(buffer: $0.key) }, .sharded, needsAll: true) { result in
            guard number == self.attempt, case .down = self.state, !self.isClosed else { return }
            if case .success(let counts) = result, zip(channels, counts).allSatisfy({ $1 >= $0.value }) {
                self.awaited = [:]
                return self.clusterChanged()
            }
            self.nodes.eventLoop.assumeIsolated().scheduleTask(in: Self.interval) {
                if number == self.attempt, case .down = self.state { self.clusterChanged() }
            }
        }
    }
}
