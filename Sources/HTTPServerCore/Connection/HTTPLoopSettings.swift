// Part of socketio-server, MIT licence; see LICENSE.

package import LoopConfinement
package import NIOCore

/// What the connections of one event loop share: what may be changed while the server runs, which is origins and limits of
/// requests, the first timer, the date, and the memory for answers.
///
/// Lives on its loop: a change is handed to each loop, and no request takes a lock.
package final class HTTPLoopSettings: LoopResident {
    package let home: PlainHome
    @exclusivity(unchecked) private(set) var limits: HTTPLimits
    @exclusivity(unchecked) private(set) var cors: CORSPolicy?
    let date = DateHeader()
    let newcomers = Newcomers()
    /// What answers are put together in.
    let answers = SpareBuffer()

    init(limits: HTTPLimits, cors: CORSConfiguration?, on eventLoop: any EventLoop) {
        home = PlainHome(eventLoop)
        self.limits = limits
        self.cors = CORSPolicy(cors)
    }

    func take(limits: HTTPLimits, cors: CORSConfiguration?) {
        self.limits = limits
        self.cors = CORSPolicy(cors)
    }
}

/// The settings of all event loops of a server.
package struct HTTPLoopSettingsTable: Sendable {
    private let limits: HTTPLimits
    private let cors: CORSConfiguration?
    private let loops: [LoopReference<HTTPLoopSettings>]

    package init(_ configuration: HTTPServerConfiguration, eventLoops: [any EventLoop]) {
        let (limits, cors) = (configuration.limits, configuration.cors)
        self.limits = limits
        self.cors = cors
        loops = eventLoops.map {
            LoopReference(sending: HTTPLoopSettings(limits: limits, cors: cors, on: $0))
        }
    }

    /// What connections of this loop go by. Those of loops the table was not told of keep what they begin with.
    func settings(for eventLoop: NIOIsolatedEventLoop) -> HTTPLoopSettings {
        let loop = eventLoop.nonisolated()
        guard let settings = loops.first(where: { $0.eventLoop === loop }) else {
            return HTTPLoopSettings(limits: limits, cors: cors, on: loop)
        }
        return settings.value(on: eventLoop)
    }

    /// Other origins and limits of requests, on every loop as soon as it can.
    package func reload(limits: HTTPLimits, cors: CORSConfiguration?) {
        for settings in loops { settings.execute { $0.take(limits: limits, cors: cors) } }
    }
}
