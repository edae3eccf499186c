// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCluster

/// What is known of the two connections to Redis, and the status that follows from it.
struct LinkHealth {
    var isPublisherUp = false
    var isSubscriberUp = false
    /// Subscriptions Redis has not confirmed yet, and why one was refused.
    var openSubscriptions = 0
    var refusal: String?
    /// Why streams cannot be read.
    var readingTrouble: String?
    var isClosed = false
    /// Why the connections are down; empty as long as the first attempt goes on.
    var publisherReason = ""
    var subscriberReason = ""
    private(set) var wasUp = false

    /// - Parameters:
    ///   - hasSubscriptions: Whether there is anything to hear at all.
    ///   - isSending: Whether messages leave at once.
    mutating func status(hasSubscriptions: Bool, isSending: Bool) -> ClusterStatus {
        let status = judge(hasSubscriptions: hasSubscriptions, isSending: isSending)
        if status == .up { wasUp = true }
        return status
    }

    private func judge(hasSubscriptions: Bool, isSending: Bool) -> ClusterStatus {
        if isClosed { return .closed }
        if let refusal, isPublisherUp { return .degraded("a subscription was refused: \(refusal)") }
        switch (isPublisherUp, isSubscriberUp) {
        case (true, true):
            // Namespaces made later subscribe while everything else goes on.
            if !wasUp, !hasSubscriptions || openSubscriptions > 0 { return .connecting }
            if let readingTrouble { return wasUp ? .degraded("a stream is not read: \(readingTrouble)") : .connecting }
            if isSending { return .up }
            return wasUp ? .degraded("waiting for other nodes to be back") : .connecting
        case (true, false):
            return subscriberReason.isEmpty ? .connecting : .degraded("other nodes are not heard: \(subscriberReason)")
        case (false, true):
            return publisherReason.isEmpty ? .connecting : .degraded("other nodes are not reached: \(publisherReason)")
        case (false, false): return publisherReason.isEmpty ? .connecting : .down(publisherReason)
        }
    }
}
