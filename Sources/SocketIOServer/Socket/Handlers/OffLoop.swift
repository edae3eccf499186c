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
/// The handler then goes on where Swift runs asynchronous functions. The threads are NIO's shared pool for blocking work, on
/// which nothing else depends; calls wait when all are busy. Work that blocks does not belong on Swift's own threads, of which
/// there is one for each core.
///
/// - Throws: What `work` throws.
public func offLoop<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await NIOThreadPool.singleton.runIfActive(work)
}
