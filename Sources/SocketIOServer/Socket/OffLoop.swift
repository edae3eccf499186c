// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOPosix

/// Runs work that blocks or computes for long on a thread of its own, so that the event loop of the calling handler goes
/// on meanwhile.
///
/// ```swift
/// socket.on("thumbnail") { (image: Data) async throws -> Data in
///     try await offLoop { try makeThumbnail(of: image) }
/// }
/// ```
///
/// A handler comes back to its loop afterwards. The threads are NIO's shared pool for blocking work; calls wait when all
/// are busy.
///
/// - Throws: What `work` throws.
public func offLoop<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await NIOThreadPool.singleton.runIfActive(work)
}
