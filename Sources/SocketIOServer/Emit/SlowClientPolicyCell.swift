// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Synchronization

/// A policy for slow clients of a socket or namespace, which may be changed from any thread; nil means that of the
/// namespace or server above it.
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
    /// What happens to messages of this socket when its client reads too slowly; nil, the default, means the policy of
    /// the namespace. A change also applies to queued messages.
    ///
    /// `disconnect` closes the whole connection, with its sockets in other namespaces. May be used from any thread.
    public var slowClientPolicy: SlowClientPolicy? {
        get { slowClients.policy }
        set { slowClients.set(newValue) }
    }
}

extension Namespace {
    /// What happens to messages of this namespace when a client reads too slowly; nil, the default, means the policy of
    /// the server, ``EngineConfiguration/slowClientPolicy``. May be used from any thread.
    public var slowClientPolicy: SlowClientPolicy? {
        get { slowClients.policy }
        set { slowClients.set(newValue) }
    }
}
