// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Logging
internal import NIOConcurrencyHelpers
internal import SocketIOCore
internal import Synchronization

/// The namespaces of one server, by name, and the parents that make dynamic ones.
///
/// Its lock is taken when a client joins or leaves a namespace, never for a message.
final class NamespaceTable: Sendable {
    private struct Entry {
        let namespace: Namespace
        let parent: ParentNamespace?
        /// Sockets connected or connecting; a child with none may be forgotten.
        var population = 0
    }

    /// The making of a namespace. Other threads that want one of the same name wait for the lock.
    private struct Making {
        let lock = NIOLock()
        var threads = 0
    }

    private struct State {
        var entries: [ExactName: Entry] = [:]
        var making: [ExactName: Making] = [:]
        /// Forgotten namespaces whose adapters are being closed.
        var leaving: [ObjectIdentifier: Namespace] = [:]
        /// Whether the server has closed the adapters. A namespace that is made after that reaches this server only.
        var isClosed = false
        var parents: [ParentNamespace] = []
        var dynamicCount = 0
        var observers: [@Sendable (Namespace) -> Void] = []
    }

    private let context: ServerContext
    private let state = NIOLockedValueBox(State())
    private let parentCount = Atomic(0)

    init(context: ServerContext) {
        self.context = context
    }

    var hasParents: Bool { parentCount.load(ordering: .acquiring) > 0 }

    /// All namespaces that exist at the moment.
    var all: [Namespace] { state.withLockedValue { $0.entries.values.map(\.namespace) } }

    /// All namespaces that exist at the moment, and whether each was made on demand.
    var allByOrigin: [(namespace: Namespace, isDynamic: Bool)] {
        state.withLockedValue { $0.entries.values.map { ($0.namespace, $0.parent != nil) } }
    }

    var parents: [ParentNamespace] { state.withLockedValue { $0.parents } }

    func onNewNamespace(_ observer: @escaping @Sendable (Namespace) -> Void) {
        state.withLockedValue { $0.observers.append(observer) }
    }

    /// Returns the namespace with this name, and makes it when there is none (protocol 4.1, `of`).
    func namespace(_ name: String) -> Namespace {
        if let existing = state.withLockedValue({ $0.entries[ExactName(name)]?.namespace }) { return existing }
        let parent = parents.first { $0.matchesAtOnce(name) }
        return insert(name, parent: parent, population: 0)
    }

    func add(_ parent: ParentNamespace) {
        state.withLockedValue { $0.parents.append(parent) }
        parentCount.wrappingAdd(1, ordering: .releasing)
    }

    /// Returns a namespace that exists, and counts one more socket in it.
    func acquire(existing name: String) -> Namespace? {
        state.withLockedValue { state in
            let key = ExactName(name)
            state.entries[key]?.population += 1
            return state.entries[key]?.namespace
        }
    }

    /// Returns a namespace and counts one more socket in it. Makes the namespace if a parent accepts the name; parents are asked in
    /// the order of their registration.
    func acquire(matching name: String, auth: SocketValue) async -> Namespace? {
        for parent in parents {
            do {
                guard try await parent.matches(name, auth: auth) else { continue }
            } catch {
                context.log.log(.matcherFailed, LogMetadata.namespace(name, error: error))
                continue
            }
            // Another client may have made it while the matcher was waiting.
            if let existing = acquire(existing: name) { return existing }
            guard state.withLockedValue({ $0.dynamicCount }) < context.configuration.maxDynamicNamespaces else {
                context.metrics.namespacesRefused.increment()
                context.metrics.refused(.dynamicNamespaces)
                return nil
            }
            return insert(name, parent: parent, population: 1)
        }
        return nil
    }

    /// Counts one socket less in a namespace, and forgets the namespace if it may be forgotten.
    ///
    /// - Parameter always: whether a child without sockets is forgotten even where such children are kept.
    func release(_ namespace: Namespace, forgettingEmpty always: Bool = false) {
        let key = ExactName(namespace.name)
        let forgotten = state.withLockedValue { state -> Entry? in
            guard var entry = state.entries[key], entry.namespace === namespace else { return nil }
            entry.population -= 1
            state.entries[key] = entry
            guard entry.population <= 0, entry.parent != nil,
                always || context.configuration.cleanupEmptyChildNamespaces, !namespace.mayBeContinued
            else { return nil }
            state.entries[key] = nil
            state.dynamicCount -= 1
            state.leaving[ObjectIdentifier(namespace)] = namespace
            return entry
        }
        guard let forgotten else { return }
        forgotten.parent?.forget(namespace)
        Task {
            await namespace.closeAdapter()
            state.withLockedValue { $0.leaving[ObjectIdentifier(namespace)] = nil }
        }
    }

    /// How many forgotten namespaces have an adapter that is being closed.
    var leavingCount: Int { state.withLockedValue { $0.leaving.count } }

    /// Closes the adapters of all namespaces, and waits for those of forgotten ones that are being closed.
    func closeAdapters() async {
        let namespaces = state.withLockedValue { state in
            state.isClosed = true
            return Array(state.leaving.values) + state.entries.values.map(\.namespace)
        }
        for namespace in namespaces { await namespace.closeAdapter() }
    }

    /// Forgets the dynamic namespaces without sockets that were kept for clients that might have returned.
    func forgetAbandoned() {
        for (namespace, isDynamic) in allByOrigin where isDynamic && !namespace.mayBeContinued {
            guard acquire(existing: namespace.name) != nil else { continue }
            release(namespace)
        }
    }

    /// Makes and adds a namespace. While another thread makes one of this name, waits and returns that one.
    private func insert(_ name: String, parent: ParentNamespace?, population: Int) -> Namespace {
        let key = ExactName(name)
        let lock = state.withLockedValue { state -> NIOLock in
            var making = state.making[key] ?? Making()
            making.threads += 1
            state.making[key] = making
            return making.lock
        }
        defer {
            state.withLockedValue { state in
                state.making[key]?.threads -= 1
                if state.making[key]?.threads == 0 { state.making[key] = nil }
            }
        }
        // Not under the lock of the table, because the application makes the adapter.
        let (namespace, isNew) = lock.withLock { () -> (Namespace, Bool) in
            let (existing, isClosed) = state.withLockedValue { state in
                state.entries[key]?.population += population
                return (state.entries[key]?.namespace, state.isClosed)
            }
            if let existing { return (existing, false) }
            let created = Namespace(
                name: name, context: context, registration: parent?.registrationForChild, isAlone: isClosed)
            state.withLockedValue { state in
                if parent != nil { state.dynamicCount += 1 }
                state.entries[key] = Entry(namespace: created, parent: parent, population: population)
            }
            return (created, true)
        }
        if isNew { begin(namespace, of: parent) }
        return namespace
    }

    private func begin(_ namespace: Namespace, of parent: ParentNamespace?) {
        parent?.add(namespace)
        let (observers, isClosed) = state.withLockedValue { ($0.observers, $0.isClosed) }
        if !isClosed { namespace.startAdapter() }
        guard !SocketPacket.isMain(namespace.name) else { return }
        for observer in observers { observer(namespace) }
    }
}
