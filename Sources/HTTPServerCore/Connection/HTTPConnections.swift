// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import NIOCore

/// The connections that a listener has accepted and that still speak HTTP.
///
/// The server keeps its own registry, because a connection that is taken over belongs to its session and leaves the
/// registry, whether it is moved to another event loop or not. A connection touches the registry twice in its life,
/// from its event loop.
package final class HTTPConnections: Sendable {
    /// Asks a connection to end after the request in progress.
    struct DrainEvent: Sendable {}

    fileprivate struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isDraining = false
        var emptyWaiters: [EventLoopPromise<Void>] = []
    }

    private let state = NIOLockedValueBox(State())

    var count: Int { state.withLockedValue { $0.channels.count } }

    func add(_ channel: any Channel) {
        let isDraining = state.withLockedValue { state in
            state.channels[ObjectIdentifier(channel)] = channel
            return state.isDraining
        }
        if isDraining { channel.close(promise: nil) }
    }

    func remove(_ channel: any Channel) {
        let waiters = state.withLockedValue { state in
            state.channels[ObjectIdentifier(channel)] = nil
            return state.takeWaitersIfEmpty()
        }
        for waiter in waiters { waiter.succeed() }
    }

    /// Lets every connection end after its request, and closes the remaining ones after `gracePeriod`.
    func drain(gracePeriod: TimeAmount, on eventLoop: any EventLoop) async {
        let promise = eventLoop.makePromise(of: Void.self)
        let (channels, waiters) = state.withLockedValue { state in
            state.isDraining = true
            state.emptyWaiters.append(promise)
            return (Array(state.channels.values), state.takeWaitersIfEmpty())
        }
        for waiter in waiters { waiter.succeed() }
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(DrainEvent()) }
        let cut = eventLoop.scheduleTask(in: gracePeriod) { [self] in
            for channel in state.withLockedValue({ Array($0.channels.values) }) { channel.close(promise: nil) }
        }
        // This never fails: the last connection that leaves completes the promise.
        try? await promise.futureResult.get()
        cut.cancel()
    }
}

extension HTTPConnections.State {
    fileprivate mutating func takeWaitersIfEmpty() -> [EventLoopPromise<Void>] {
        guard channels.isEmpty else { return [] }
        defer { emptyWaiters = [] }
        return emptyWaiters
    }
}
