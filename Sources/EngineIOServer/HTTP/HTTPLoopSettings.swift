// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import LoopConfinement
internal import NIOCore

/// What the connections of one event loop share: what they go by and may be changed while the server runs, which is origins and
/// limits of requests, the first timer, the date, and the memory for answers.
///
/// Lives on its loop: a change is handed to each loop, and no request takes a lock.
final class HTTPLoopSettings: LoopResident {
    struct Values {
        let cors: CORSPolicy?
        let maxRequestHeadSize: Int
        let maxHeaders: Int
        let headTimeout: TimeAmount
        let bodyTimeout: TimeAmount
        let keepAliveTimeout: TimeAmount
        let sendTimeout: TimeAmount
        let destroyUpgradeTimeout: TimeAmount

        init(_ configuration: EngineConfiguration) {
            cors = CORSPolicy(configuration.cors)
            maxRequestHeadSize = configuration.maxRequestHeadSize
            maxHeaders = configuration.maxHeaders
            headTimeout = TimeAmount(configuration.headTimeout)
            bodyTimeout = TimeAmount(configuration.bodyTimeout)
            keepAliveTimeout = TimeAmount(configuration.keepAliveTimeout)
            sendTimeout = TimeAmount(configuration.sendTimeout)
            destroyUpgradeTimeout = TimeAmount(configuration.destroyUpgradeTimeout)
        }
    }

    let home: PlainHome
    @exclusivity(unchecked) private(set) var values: Values
    let date = DateHeader()
    let newcomers = Newcomers()
    /// What answers are put together in.
    let answers = SpareBuffer()

    init(_ configuration: EngineConfiguration, on eventLoop: any EventLoop) {
        home = PlainHome(eventLoop)
        values = Values(configuration)
    }

    /// Takes these of another configuration.
    func take(_ configuration: EngineConfiguration) {
        values = Values(configuration)
    }
}
