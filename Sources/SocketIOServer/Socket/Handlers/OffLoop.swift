// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOPosix

/// Runs work that blocks or computes for long on a thread that no event loop uses, and returns its result. The event loop of
/// the calling handler serves its other clients meanwhile.
///
/// ```swift
/// socket.on("thumbnail") { (image: Data) async throws -> Data in
///     try await offLoop { try makeThumbnail(of: image) }
/// }
/// ```
///
/// May be called from any asynchronous code. Afterwards the caller continues where Swift runs asynchronous functions, no longer
/// on the event loop.
///
/// The threads belong to SwiftNIO's pool for blocking work, which the whole process shares: as many as the machine has cores, or
/// as the environment variable `NIO_SINGLETON_BLOCKING_POOL_THREAD_COUNT` says. When all of them are
/// busy, further calls wait, in any number and without a time limit. Do not use Swift's own threads for work that blocks: there is
/// one for each core, and all asynchronous functions need them.
///
/// - Returns: What `work` returns.
/// - Throws: What `work` throws. `CancellationError` when the task is cancelled while the call waits for a thread; `work` does
///   not run then. Work that has begun goes on to its end, whatever happens to the task.
public func offLoop<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await NIOThreadPool.singleton.runIfActive(work)
}
