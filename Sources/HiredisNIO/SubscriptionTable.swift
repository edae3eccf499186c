// Part of socketio-server, MIT licence; see LICENSE.

/// Which subscriptions are wanted, and what the server has confirmed on the present connection.
///
/// Every change of mind is one command; the server answers them in order, so an entry needs only the number of
/// answers it still expects. Generic over who waits for the answers.
struct SubscriptionTable<Waiter> {
    /// A subscription. Channels hold names that clients choose: they are the same when their bytes are.
    struct Key: Hashable {
        var kind: RedisSubscriptionKind
        var channel: String

        static func == (left: Key, right: Key) -> Bool {
            left.kind == right.kind && left.channel.utf8.elementsEqual(right.channel.utf8)
        }

        func hash(into hasher: inout Hasher) {
            hasher.combine(kind)
            var channel = channel
            channel.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        }
    }

    enum Action {
        /// Send this; the waiter is told when it is answered.
        case send(SubscriptionRequest)
        /// Nothing to send; the waiter is told later.
        case wait
        /// It is so already.
        case done
    }

    private struct Entry {
        var isWanted = true
        var isConfirmed = false
        /// Was confirmed once: a later refusal does not end the wish.
        var wasConfirmed = false
        var refusal: RedisError?
        var expectedAnswers = 0
        var subscribers: [Waiter] = []
        var unsubscribers: [Waiter] = []
    }

    private var entries: [Key: Entry] = [:]
    private var isConnected = false
    /// Wanted subscriptions the server refuses.
    private(set) var refusals: [Key: RedisError] = [:]

    /// Number of wanted subscriptions.
    var count: Int { entries.count { $0.value.isWanted } }

    mutating func subscribe(_ key: Key, _ waiter: Waiter) -> Action {
        var entry = entries[key] ?? Entry(isWanted: false)
        defer { entries[key] = entry }
        if entry.isWanted, entry.refusal == nil {
            if entry.isConfirmed, entry.expectedAnswers == 0 { return .done }
            entry.subscribers.append(waiter)
            return .wait
        }
        entry.isWanted = true
        entry.refusal = nil
        refusals[key] = nil
        entry.subscribers.append(waiter)
        guard isConnected else { return .wait }
        entry.expectedAnswers += 1
        return .send(SubscriptionRequest(kind: key.kind, channel: key.channel, isUnsubscribe: false))
    }

    /// Returns also those who waited for the subscription that is given up.
    mutating func unsubscribe(_ key: Key, _ waiter: Waiter) -> (Action, givenUp: [Waiter]) {
        guard var entry = entries[key] else { return (.done, []) }
        let givenUp = entry.subscribers
        refusals[key] = nil
        guard isConnected else {
            entries[key] = nil
            return (.done, givenUp)
        }
        entry.subscribers = []
        entry.unsubscribers.append(waiter)
        defer { entries[key] = entry }
        guard entry.isWanted else { return (.wait, givenUp) }
        entry.isWanted = false
        entry.expectedAnswers += 1
        return (.send(SubscriptionRequest(kind: key.kind, channel: key.channel, isUnsubscribe: true)), givenUp)
    }

    /// A new connection: everything that is wanted has to be asked for again.
    mutating func connected() -> [SubscriptionRequest] {
        isConnected = true
        refusals = [:]
        var requests: [SubscriptionRequest] = []
        requests.reserveCapacity(entries.count)
        for key in Array(entries.keys) {
            entries[key]?.expectedAnswers = 1
            entries[key]?.refusal = nil
            requests.append(SubscriptionRequest(kind: key.kind, channel: key.channel, isUnsubscribe: false))
        }
        return requests
    }

    /// The connection is gone and with it all subscriptions. Returns those whose unsubscribing is done thereby.
    mutating func lost() -> [Waiter] {
        isConnected = false
        var done: [Waiter] = []
        for (key, entry) in entries {
            done += entry.unsubscribers
            guard entry.isWanted else {
                entries[key] = nil
                continue
            }
            entries[key]?.unsubscribers = []
            entries[key]?.isConfirmed = false
            entries[key]?.expectedAnswers = 0
        }
        return done
    }

    /// The server has answered. Returns who waited for this answer.
    mutating func answered(_ request: SubscriptionRequest, _ error: RedisError?) -> [Waiter] {
        let key = Key(kind: request.kind, channel: request.channel)
        guard var entry = entries[key] else { return [] }
        entry.expectedAnswers = max(0, entry.expectedAnswers - 1)
        var told: [Waiter] = []
        if request.isUnsubscribe {
            entry.isConfirmed = false
            swap(&told, &entry.unsubscribers)
        } else if let error {
            swap(&told, &entry.subscribers)
            if entry.isWanted {
                entry.refusal = error
                // A wish that never came true ends with the refusal its owner is told, and so does one for another server.
                if entry.wasConfirmed, error.code != .redirected {
                    refusals[key] = error
                } else {
                    entry.isWanted = false
                }
            }
        } else {
            entry.isConfirmed = true
            entry.wasConfirmed = true
            swap(&told, &entry.subscribers)
        }
        entries[key] = entry.isWanted || entry.expectedAnswers > 0 ? entry : nil
        return told
    }

    /// The server has ended a subscription by itself. Returns what to send.
    mutating func taken(_ key: Key) -> SubscriptionRequest? {
        guard entries[key]?.isWanted == true else { return nil }
        entries[key]?.isConfirmed = false
        entries[key]?.expectedAnswers += 1
        return SubscriptionRequest(kind: key.kind, channel: key.channel, isUnsubscribe: false)
    }

    /// Everybody who waits, when the owner closes.
    mutating func removeAll() -> [Waiter] {
        let waiters = entries.values.flatMap { $0.subscribers + $0.unsubscribers }
        entries = [:]
        refusals = [:]
        isConnected = false
        return waiters
    }
}
