// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import FailureText

/// The end of a server and the asynchronous handlers that are running then.
extension Server {
    /// A handler that calls this waits for the server, so the server does not wait for that handler.
    func excludeCallingHandler() {
        guard let handler = RunningHandlers.current, lists.contains(where: { $0 === handler.list }) else { return }
        handler.exclude()
    }

    private var lists: [RunningHandlers] { context.shards.map(\.running) }

    /// How many handlers have not ended, with those that the end of the server does not wait for.
    var runningHandlers: Int { lists.reduce(0) { $0 + $1.count } }

    private var awaitedHandlers: Int { lists.reduce(0) { $0 + $1.awaitedCount } }

    private var closingHandlers: Int { lists.reduce(0) { $0 + $1.excludedCount } }

    /// Waits for the handlers that are running, as long as ``ServerConfiguration/handlerGrace`` says; then cancels them and
    /// waits as long again. Ends early, without cancelling any, when the task is cancelled.
    func waitForHandlers() async {
        if await wait(until: { awaitedHandlers == 0 }) || Task.isCancelled { return }
        let count = lists.reduce(0) { $0 + $1.cancelAll() }
        context.log.log(.handlersCancelled, ["handlers": "\(count)"])
        if await wait(until: { awaitedHandlers == 0 }) || Task.isCancelled { return }
        context.log.log(.handlersLeft, level: .error, ["handlers": "\(awaitedHandlers)"])
    }

    /// Waits for the handlers that have closed the server themselves, and still have something to do after that: a program ends
    /// when ``run()`` returns.
    func waitForClosingHandlers() async {
        // A handler that runs a server does not wait for itself.
        guard RunningHandlers.current == nil else { return }
        if await wait(until: { closingHandlers == 0 }) || Task.isCancelled { return }
        context.log.log(.closingHandlersLeft, level: .error, ["handlers": "\(closingHandlers)"])
    }

    /// Checks the condition until it holds, the deadline is over or the task is cancelled.
    private func wait(until haveEnded: () -> Bool) async -> Bool {
        let deadline = ContinuousClock.now + configuration.handlerGrace
        while !haveEnded() {
            guard ContinuousClock.now < deadline, !Task.isCancelled else { return false }
            try? await Task.sleep(for: .milliseconds(2))
        }
        return true
    }

    /// Ends the event loops that the server made; once the last handler has ended, which needs them.
    func shutDownGroup() async {
        guard runningHandlers > 0 else { return await shutDownGroupNow() }
        Task {
            while runningHandlers > 0 { try? await Task.sleep(for: .milliseconds(5)) }
            await shutDownGroupNow()
        }
    }

    private func shutDownGroupNow() async {
        do {
            try await group.shutdownGracefully()
        } catch {
            configuration.logger.error("The event loops did not end", metadata: ["error": "\(failureText(error))"])
        }
    }
}
