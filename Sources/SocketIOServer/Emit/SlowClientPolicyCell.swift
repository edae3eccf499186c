// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Synchronization

/// A policy for slow clients that may be changed from any thread; nil for that of the next larger thing: socket, namespace,
/// server.
struct SlowClientPolicyCell: ~Copyable, Sendable {
    /// The position among all policies, from 1; 0 for nil.
    private let number = Atomic<UInt8>(0)

    var policy: SlowClientPolicy? {
        let index = Int(number.load(ordering: .relaxed)) - 1
        let all = SlowClientPolicy.allCases
        return all.indices.contains(index) ? all[index] : nil
    }

    func set(_ policy: SlowClientPolicy?) {
        let index = policy.flatMap { SlowClientPolicy.allCases.firstIndex(of: $0) }
        number.store(index.map { UInt8(truncatingIfNeeded: $0 + 1) } ?? 0, ordering: .relaxed)
    }
}

extension Socket {
    /// What happens to messages of this socket when its client reads too slowly; nil, the default, for the policy of the
    /// namespace. Messages that wait already are included.
    ///
    /// With `disconnect` the whole connection ends, with its sockets in other namespaces. May be used from any thread.
    public var slowClientPolicy: SlowClientPolicy? {
        get { slowClients.policy }
        set { slowClients.set(newValue) }
    }
}

extension Namespace {
    /// What happens to messages of this namespace when a client reads too slowly; nil, the default, for the policy of the
    /// server, ``EngineConfiguration/slowClientPolicy``. From any thread.
    public var slowClientPolicy: SlowClientPolicy? {
        get { slowClients.policy }
        set { slowClients.set(newValue) }
    }
}
