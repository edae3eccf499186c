// Part of socketio-server, MIT licence; see LICENSE.

public import NIOCore

/// A value that lives on one event loop, in a reference that any thread may hold. It is the only way from other threads
/// to a value that is not `Sendable`.
///
/// A handle that any thread may keep has one of these. The value cannot be taken out: it is lent to closures that run
/// on the event loop, and the compiler keeps it from leaving them, because it is not `Sendable`.
///
/// The proof for `@unchecked Sendable`:
/// - A value that comes in is either `sending`, so that nothing else has kept a reference, or it is made on the loop.
/// - Only `value` uses `contents`, and only where the caller has checked the event loop, or was called by it, just
///   before; debug builds check once more.
/// - The last reference may be given up on any thread, when nothing uses the value any more: values that live here have
///   no `deinit` that does more than release what they hold.
///
/// In release builds a use costs one check of the current thread, which handles have to make anyway.
public final class LoopBound<Value>: @unchecked Sendable {
    @usableFromInline
    enum Contents {
        case made(Value)
        case unmade(() -> Value)
    }

    /// The event loop on which the value lives.
    public let eventLoop: any EventLoop
    @usableFromInline
    var contents: Contents

    /// Binds a value that nothing else has a reference to. Any thread.
    package init(_ value: sending Value, on eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        contents = .made(value)
    }

    /// Binds a value that is made on the event loop, at its first use. Any thread.
    package init(on eventLoop: any EventLoop, make: @escaping @Sendable () -> Value) {
        self.eventLoop = eventLoop
        contents = .unmade(make)
    }

    /// Binds a value that is made from another one on the same event loop, there and at its first use. Any thread.
    package convenience init<Base>(with base: LoopBound<Base>, make: @escaping @Sendable (Base) -> Value) {
        self.init(on: base.eventLoop) { make(base.value) }
    }

    @inlinable
    var value: Value {
        eventLoop.assertInEventLoop()
        if case .made(let value) = contents { return value }
        return made()
    }

    @usableFromInline
    func made() -> Value {
        guard case .unmade(let make) = contents else { return value }
        let value = make()
        contents = .made(value)
        return value
    }

    /// Runs `body` with the value: at once when called on its event loop; from elsewhere on that loop, in the order of
    /// the calls.
    @inlinable
    package func run(_ body: @escaping @Sendable (Value) -> Void) {
        if eventLoop.inEventLoop { body(value) } else { execute(body) }
    }

    /// Like ``run(_:)``, with an argument for the closure. With a closure that captures nothing, this allocates only
    /// when the call comes from another thread.
    @inlinable
    package func run<Luggage: Sendable>(_ luggage: Luggage, _ body: @escaping @Sendable (Value, Luggage) -> Void) {
        if eventLoop.inEventLoop {
            body(value, luggage)
        } else {
            eventLoop.execute { body(self.value, luggage) }
        }
    }

    /// Runs `body` with the value on its event loop, always later, even when called there.
    @inlinable
    package func execute(_ body: @escaping @Sendable (Value) -> Void) {
        eventLoop.execute { body(self.value) }
    }

    /// Runs `body` with the value when called on its event loop; otherwise does nothing and returns nil.
    @inlinable
    package func runIfHere<Result: Sendable>(_ body: @Sendable (Value) -> Result) -> Result? {
        guard eventLoop.inEventLoop else { return nil }
        return body(value)
    }

    /// Runs `body` with the value on its event loop and waits for the result.
    package func get<Result: Sendable>(_ body: @escaping @Sendable (Value) -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            run { continuation.resume(returning: body($0)) }
        }
    }
}

extension NIOIsolatedEventLoop {
    /// Like the method of an event loop, with a closure that stays on the loop.
    package func scheduleRepeatedTask(
        initialDelay: TimeAmount, delay: TimeAmount, _ task: @escaping (RepeatedTask) -> Void
    ) -> RepeatedTask {
        let bound = NIOLoopBound(task, eventLoop: nonisolated())
        return nonisolated().scheduleRepeatedTask(initialDelay: initialDelay, delay: delay) { bound.value($0) }
    }
}
