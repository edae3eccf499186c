// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// What the connections of one event loop share: what they go by and may be changed while the server runs, which is origins and
/// limits of requests, the first timer, and the memory for answers.
///
/// Confined to its loop, which is why it may be `@unchecked Sendable`: a change is handed to each loop, and no request
/// takes a lock.
final class HTTPLoopSettings: @unchecked Sendable {
    struct Values {
        let cors: CORSPolicy?
        let maxRequestHeadSize: Int
        let maxHeaders: Int
        let headTimeout: TimeAmount
        let bodyTimeout: TimeAmount
        let keepAliveTimeout: TimeAmount
        let sendTimeout: TimeAmount

        init(_ configuration: EngineConfiguration) {
            cors = CORSPolicy(configuration.cors)
            maxRequestHeadSize = configuration.maxRequestHeadSize
            maxHeaders = configuration.maxHeaders
            headTimeout = configuration.headTimeout
            bodyTimeout = configuration.bodyTimeout
            keepAliveTimeout = configuration.keepAliveTimeout
            sendTimeout = configuration.sendTimeout
        }
    }

    @exclusivity(unchecked) private(set) var values: Values
    let newcomers = Newcomers()
    /// What answers are put together in.
    let answers = SpareBuffer()

    init(_ configuration: EngineConfiguration) {
        values = Values(configuration)
    }

    /// Takes these of another configuration. On the loop.
    func take(_ configuration: EngineConfiguration) {
        values = Values(configuration)
    }
}
