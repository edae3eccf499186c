// Part of socketio-server, MIT licence; see LICENSE.

internal import Synchronization
internal import Tracing

/// A span that lasts as long as the work that has been started within it, synchronous or not.
final class SocketSpan: Sendable {
    /// The span in which this code runs; tasks that it starts inherit it.
    @TaskLocal static var current: SocketSpan?

    let context: ServiceContext
    private let span: any Span
    /// How many pieces of work have not ended.
    private let users = Atomic(1)

    init(_ span: any Span) {
        self.span = span
        self.context = span.context
    }

    /// Runs `work` within the span, and ends the span unless `work` has started something that goes on.
    func run<Value>(_ work: () throws -> Value) rethrows -> Value {
        defer { release() }
        return try ServiceContext.withValue(context) { try Self.$current.withValue(self, operation: work) }
    }

    /// One more piece of work, which calls ``release()`` at its end; nil when the span has ended. A task that outlives the handler which
    /// started it still inherits the span.
    func retained() -> SocketSpan? {
        var count = users.load(ordering: .relaxed)
        while count > 0 {
            let (isExchanged, current) = users.weakCompareExchange(
                expected: count, desired: count + 1, ordering: .relaxed)
            if isExchanged { return self }
            count = current
        }
        return nil
    }

    /// The last one ends the span.
    func release() {
        if users.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 { span.end() }
    }

    /// Marks the span as failed.
    func failed(_ error: any Error) {
        span.recordError(error)
        span.setStatus(SpanStatus(code: .error))
    }
}
