// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
public import NIOCore
public import SocketIOCluster

/// The way of one server into a ``LoopbackNetwork``. May be used from any thread.
public final class LoopbackTransport: ClusterTransport {
    private struct State {
        var isDead = false
        var status = ClusterStatus.connecting
        var statusChanged: (@Sendable (ClusterStatus) -> Void)?
    }

    private let network: LoopbackNetwork
    private let state = NIOLockedValueBox(State())

    init(_ network: LoopbackNetwork) { self.network = network }

    // MARK: Faults

    /// As if the server's process had been killed: from now on it sends and hears nothing, not even a goodbye.
    ///
    /// - Parameter isCounted: Whether it is still counted, as by a broker that has not noticed.
    public func die(isCounted: Bool = false) {
        state.withLockedValue { $0.isDead = true }
        if !isCounted { network.remove(self) }
    }

    /// Tells the cluster a status, such as `down`. While it is not `up`, nothing is sent or heard.
    public func set(_ status: ClusterStatus) {
        let statusChanged = state.withLockedValue { state in
            state.status = status
            return state.statusChanged
        }
        statusChanged?(status)
    }

    private var isWorking: Bool { state.withLockedValue { !$0.isDead && $0.status == .up } }

    // MARK: ClusterTransport

    /// Is up at once.
    public func start(_ statusChanged: @escaping @Sendable (ClusterStatus) -> Void) {
        state.withLockedValue { $0.statusChanged = statusChanged }
        set(.up)
    }

    /// Leaves the network.
    public func close() async {
        network.remove(self)
        state.withLockedValue { $0 = State(isDead: true) }
    }

    /// Subscribes at once.
    public func subscribe(_ receiver: ClusterReceiver, _ done: ClusterCallback<Void>) {
        network.add(receiver, of: self)
        done.succeed()
    }

    /// Unsubscribes at once.
    public func unsubscribe(_ receiver: ClusterReceiver) { network.remove(receiver) }

    /// Sends, with the network's faults.
    public func publish(
        _ message: ByteBuffer, in namespace: String, to destination: ClusterDestination, _ done: ClusterCallback<Void>
    ) {
        // Who is dead does not know it.
        if isWorking { network.send(message, in: namespace, to: destination) }
        done.succeed()
    }

    /// Counts the subscribers, and the silent servers of the network's faults.
    public func countServers(in namespace: String, _ done: ClusterCallback<Int>) {
        done.succeed(network.count(in: namespace))
    }

    func take(_ message: ByteBuffer, for receiver: ClusterReceiver) {
        if isWorking { receiver.received(message) }
    }
}
