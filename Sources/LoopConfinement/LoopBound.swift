// Part of socketio-server, MIT licence; see LICENSE.

public import NIOCore

/// Something that lives on one event loop, held from anywhere: the only way from other threads to what is not `Sendable`.
///
/// A handle that anybody may keep has one of these. What is inside cannot be taken out: it is lent to closures that run on
/// the event loop, and the compiler keeps it from leaving them, because it is not `Sendable`.
///
/// The proof for `@unchecked Sendable`:
/// - What comes in, comes alone: `sending` means that nobody else has kept a reference. Or it is made on the loop.
/// - `contents` is used by `value` only, and that only where the event loop has been asked, or has called, just before; debug
///   builds ask once more.
/// - The last reference may be given up on any thread, when nobody uses what is inside any more: objects that live here have no
///   `deinit` that does more than to release what they hold.
///
/// In release builds it costs what the question for the right thread costs, which handles have to ask anyway.
public final class LoopBound<Value>: @unchecked Sendable {
    @usableFromInline
    enum Contents {
        case made(Value)
        case unmade(() -> Value)
    }

    /// Where it lives.
    public let eventLoop: any EventLoop
    @usableFromInline
    var contents: Contents

    /// Binds something that nobody else has a reference to. Any thread.
    package init(_ value: sending Value, on eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        contents = .made(value)
    }

    /// Binds something that is made on the event loop, at its first use. Any thread.
    package init(on eventLoop: any EventLoop, make: @escaping @Sendable () -> Value) {
        self.eventLoop = eventLoop
        contents = .unmade(make)
    }

    /// Binds something that is made of what lives on the same event loop already, there and at its first use. Any thread.
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

    /// Does something with it: at once on its event loop; from elsewhere there, in the order of the calls.
    @inlinable
    package func run(_ body: @escaping @Sendable (Value) -> Void) {
        if eventLoop.inEventLoop { body(value) } else { execute(body) }
    }

    /// As ``run(_:)``, with something to take along: with a closure that captures nothing this allocates only when it goes to
    /// another thread.
    @inlinable
    package func run<Luggage: Sendable>(_ luggage: Luggage, _ body: @escaping @Sendable (Value, Luggage) -> Void) {
        if eventLoop.inEventLoop {
            body(value, luggage)
        } else {
            eventLoop.execute { body(self.value, luggage) }
        }
    }

    /// Does something with it on its event loop, later even if this is that.
    @inlinable
    package func execute(_ body: @escaping @Sendable (Value) -> Void) {
        eventLoop.execute { body(self.value) }
    }

    /// Does something with it if this is its event loop, else nothing, and returns nil.
    @inlinable
    package func runIfHere<Result: Sendable>(_ body: @Sendable (Value) -> Result) -> Result? {
        guard eventLoop.inEventLoop else { return nil }
        return body(value)
    }

    /// Does something with it on its event loop and waits for the result.
    package func get<Result: Sendable>(_ body: @escaping @Sendable (Value) -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            run { continuation.resume(returning: body($0)) }
        }
    }
}

extension NIOIsolatedEventLoop {
    /// As on any event loop, with a closure that stays there.
    package func scheduleRepeatedTask(
        initialDelay: TimeAmount, delay: TimeAmount, _ task: @escaping (RepeatedTask) -> Void
    ) -> RepeatedTask {
        let bound = NIOLoopBound(task, eventLoop: nonisolated())
        return nonisolated().scheduleRepeatedTask(initialDelay: initialDelay, delay: delay) { bound.value($0) }
    }
}
