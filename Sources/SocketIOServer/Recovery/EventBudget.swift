// Part of socketio-server, MIT licence; see LICENSE.

internal import Synchronization

/// The bytes of the events that all namespaces of a server keep for returning clients. Clients may cause any number of
/// namespaces, so a limit for each of them is no limit.
///
/// When all together exceed the limit, those that have more than an equal share drop their oldest events: the next time
/// they keep one, or at the next sweep. The total may exceed the limit by as much again until then, never by more.
final class EventBudget: Sendable {
    /// What has to go.
    struct Excess: Sendable, Equatable {
        /// The bytes over the limit.
        var bytes: Int
        /// What each namespace may keep in any case.
        var share: Int
    }

    private let maximum: Int
    private let total = Atomic(0)
    private let logs = Atomic(0)

    init(maximum: Int) { self.maximum = maximum }

    /// The bytes that are kept now.
    var bytes: Int { total.load(ordering: .relaxed) }

    /// A namespace begins to keep events.
    func opened() { logs.wrappingAdd(1, ordering: .relaxed) }

    /// A namespace that has kept so many bytes is gone.
    func closed(bytes: Int) {
        logs.wrappingSubtract(1, ordering: .relaxed)
        total.wrappingSubtract(bytes, ordering: .relaxed)
    }

    /// A namespace keeps more bytes, or fewer. Returns what has to go; nil when nothing has to.
    func changed(by difference: Int) -> Excess? {
        let bytes = total.wrappingAdd(difference, ordering: .relaxed).newValue
        guard bytes > maximum else { return nil }
        return Excess(bytes: bytes - maximum, share: maximum / max(1, logs.load(ordering: .relaxed)))
    }
}
