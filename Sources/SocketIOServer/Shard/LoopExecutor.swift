// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Runs the asynchronous parts of handlers on one event loop, so that they come back to it after every suspension.
final class LoopExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute {
            job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
    }
}
