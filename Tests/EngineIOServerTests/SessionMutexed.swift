// Part of socketio-server, MIT licence; see LICENSE.

internal import Synchronization

/// A value shared between a test and the hooks it sets.
final class Mutexed<Value: Sendable>: Sendable {
    private let value: Mutex<Value>
    init(_ value: Value) { self.value = Mutex(value) }
    func withLock<T: Sendable>(_ body: (inout Value) -> T) -> T {
        value.withLock { body(&$0) }
    }
}
