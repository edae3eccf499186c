// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// What the connections of one event loop go by and may be changed while the server runs: origins and limits of requests.
///
/// Confined to its loop, which is why it may be `@unchecked Sendable`: a change is handed to each loop, and no request
/// takes a lock.
final class HTTPLoopSettings: @unchecked Sendable {
    private(set) var cors: CORSPolicy?
    private(set) var maxRequestHeadSize: Int
    private(set) var maxHeaders: Int
    private(set) var headTimeout: TimeAmount
    private(set) var bodyTimeout: TimeAmount
    private(set) var keepAliveTimeout: TimeAmount
    private(set) var sendTimeout: TimeAmount

    init(_ configuration: EngineConfiguration) {
        cors = CORSPolicy(configuration.cors)
        maxRequestHeadSize = configuration.maxRequestHeadSize
        maxHeaders = configuration.maxHeaders
        headTimeout = configuration.headTimeout
        bodyTimeout = configuration.bodyTimeout
        keepAliveTimeout = configuration.keepAliveTimeout
        sendTimeout = configuration.sendTimeout
    }

    /// Takes these of another configuration. On the loop.
    func take(_ configuration: EngineConfiguration) {
        cors = CORSPolicy(configuration.cors)
        maxRequestHeadSize = configuration.maxRequestHeadSize
        maxHeaders = configuration.maxHeaders
        headTimeout = configuration.headTimeout
        bodyTimeout = configuration.bodyTimeout
        keepAliveTimeout = configuration.keepAliveTimeout
        sendTimeout = configuration.sendTimeout
    }
}
