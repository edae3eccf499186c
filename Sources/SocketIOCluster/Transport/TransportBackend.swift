// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import FailureText
internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer
internal import Synchronization

/// The ``ClusterBackend`` of a ``ClusterTransport`` and a wire format. From any thread.
final class TransportBackend: ClusterBackend {
    let services: ClusterServices
    private let transport: any ClusterTransport
    let format: ClusterWireFormat
    private let state = NIOLockedValueBox(State())

    private struct State {
        var status = ClusterStatus.connecting
        /// Calls of the transport that have not returned.
        var calls = 0
        /// Resumed when they have, once the backend is closed.
        var closing: CheckedContinuation<Void, Never>?
    }

    var eventLoop: any EventLoop { services.eventLoop }
    var status: ClusterStatus { state.withLockedValue { $0.status } }

    init(_ transport: any ClusterTransport, format: ClusterWireFormat, services: ClusterServices) {
        self.transport = transport
        self.format = format
        self.services = services
    }

    func start(_ statusChanged: @escaping @Sendable (ClusterStatus) -> Void) {
        call { transport in
            transport.start { [weak self] status in
                guard let self, self.change(to: status) else { return }
                statusChanged(status)
            }
        }
    }

    /// Stores the status. False if it has not changed, or if the last one was final.
    private func change(to status: ClusterStatus) -> Bool {
        let isNew = state.withLockedValue { state in
            guard state.status != status, state.status != .closed else { return false }
            state.status = status
            return true
        }
        guard isNew else { return false }
        services.counters.record(isUp: status == .up)
        switch status {
        case .up, .closed, .connecting:
            services.logger.info("The cluster's state has changed", metadata: ["state": "\(status)"])
        case .degraded, .down:
            services.logger.warning("The cluster's state has changed", metadata: ["state": "\(status)"])
        }
        return true
    }

    func close() async {
        _ = change(to: .closed)
        await withCheckedContinuation { continuation in
            let isIdle = state.withLockedValue { state in
                guard state.calls > 0 else { return true }
                state.closing = continuation
                return false
            }
            if isIdle { continuation.resume() }
        }
        await transport.close()
    }

    /// Calls the transport. Once the backend is closed, does nothing and returns false: the transport is closed when all calls
    /// have returned, and gets none after that.
    @discardableResult
    func call(_ body: (any ClusterTransport) -> Void) -> Bool {
        let isOpen = state.withLockedValue { state in
            guard state.status != .closed else { return false }
            state.calls += 1
            return true
        }
        guard isOpen else { return false }
        body(transport)
        let closing = state.withLockedValue { state -> CheckedContinuation<Void, Never>? in
            state.calls -= 1
            guard state.calls == 0 else { return nil }
            defer { state.closing = nil }
            return state.closing
        }
        closing?.resume()
        return true
    }

    func channel(namespace: String, uid: String) -> any ClusterChannel {
        TransportChannel(self, namespace: namespace, uid: uid)
    }

    func listeners(in namespace: String?, nodes: [String], _ done: ClusterCallback<ClusterListeners>) {
        // A transport does not tell which servers listen. The directory knows by their heartbeats which are alive.
        guard let namespace else { return done.succeed(ClusterListeners(servers: 0, nodes: nil)) }
        countServers(in: namespace, ClusterCallback { done($0.map { ClusterListeners(servers: $0, nodes: nil) }) })
    }

    /// Makes the transport count the servers. The transport may be third-party code: when it does not answer within the
    /// time that servers have for an answer, the question fails with code `timeout`.
    func countServers(in namespace: String, _ done: ClusterCallback<Int>) {
        let tell = done.once()
        let patience = eventLoop.scheduleTask(in: TimeAmount(services.configuration.requestsTimeout)) {
            tell(.failure(ClusterError(.timeout, "the transport has not told how many servers there are")))
        }
        let counted = ClusterCallback<Int> {
            patience.cancel()
            tell($0)
        }
        let isOpen = call { $0.countServers(in: namespace, counted) }
        if !isOpen { counted.fail(ClusterError.closed) }
    }
}

/// The messages of one namespace over a ``ClusterTransport``. From any thread.
final class TransportChannel: ClusterChannel {
    private let backend: TransportBackend
    private let namespace: String
    private let uid: String
    /// The number of the last message sent, by which others notice duplicates.
    private let lastNumber = Atomic<UInt64>(0)
    private let broadcastCount = Atomic<UInt64>(0)

    var broadcasts: UInt64 { broadcastCount.load(ordering: .relaxed) }

    init(_ backend: TransportBackend, namespace: String, uid: String) {
        self.backend = backend
        self.namespace = namespace
        self.uid = uid
    }

    func subscribe(_ receiver: ClusterReceiver, _ done: ClusterCallback<Void>) {
        let isOpen = backend.call { $0.subscribe(receiver, done.once()) }
        if !isOpen { done.fail(ClusterError.closed) }
    }

    func unsubscribe(_ receiver: ClusterReceiver) { backend.call { $0.unsubscribe(receiver) } }

    func countServers(_ done: ClusterCallback<Int>) { backend.countServers(in: namespace, done) }

    func publish(_ packet: BroadcastPacket, _ options: BroadcastOptions) throws {
        broadcastCount.wrappingAdd(1, ordering: .relaxed)
        let room = options.rooms.count == 1 ? options.rooms[0] : nil
        try publish(
            .broadcast(packet, options), to: room.map { .room($0) } ?? .everyone, isForPeer: false, nil)
    }

    func publish(
        _ content: ClusterMessage.Content, to destination: ClusterDestination, isForPeer: Bool,
        _ done: ClusterCallback<Void>?
    ) throws {
        let message = ClusterMessage(
            namespace: namespace, sender: uid, number: lastNumber.wrappingAdd(1, ordering: .relaxed).newValue, content)
        let bytes = try backend.format.encode(message)
        let services = backend.services
        let limit = services.configuration.maxMessageBytes
        guard bytes.readableBytes <= limit else {
            let error = ClusterError.tooLarge(
                bytes.readableBytes, limit: limit, name: services.configuration.maxMessageBytesName)
            // The caller that builds an answer counts the refusal itself.
            if case .response = content { throw error }
            services.counters.refused(.sentBytes)
            if content.isServerSideEmit { throw error }
            services.log.log(.tooLarge, ["reason": "\(error.message)"])
            return done?.fail(error) ?? ()
        }
        let isData = content.isData
        if isData { services.counters.published.increment() }
        if case .down(let reason) = backend.status, let done { return done.fail(ClusterError.unavailable(reason)) }
        let result = sent(done?.once(), isData: isData)
        let isOpen = backend.call { $0.publish(bytes, in: namespace, to: destination, result) }
        guard !isOpen else { return }
        result.fail(ClusterError.closed)
        if content.isServerSideEmit { throw ClusterError.closed }
    }

    /// Reports the result of a message, and counts data that was not sent.
    private func sent(_ done: ClusterCallback<Void>?, isData: Bool) -> ClusterCallback<Void> {
        if let done { return done }
        return ClusterCallback { [services = backend.services] result in
            guard isData, case .failure(let error) = result else { return }
            services.counters.lost.increment()
            services.log.log(.notSent, ["reason": "\(failureText(error))"])
        }
    }
}
