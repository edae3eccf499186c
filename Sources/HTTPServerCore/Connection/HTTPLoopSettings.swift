// Part of socketio-server, MIT licence; see LICENSE.

package import LoopConfinement
package import NIOCore

/// The objects that the HTTP connections of one event loop share: limits and origins, which may change while the server
/// runs, the timer for first requests, the date, and the memory for answers.
///
/// Confined to its loop: a change is sent to each loop, so no request takes a lock.
package final class HTTPLoopSettings: LoopResident {
    package let home: PlainHome
    @exclusivity(unchecked) private(set) var limits: HTTPLimits
    @exclusivity(unchecked) private(set) var cors: CORSPolicy?
    let date = DateHeader()
    let acceptDeadline = SharedAcceptDeadline()
    /// The buffer in which answers are built.
    let answers = ReceiveBufferPool()

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

    /// The settings of the connections of this loop. A loop that is not in the table gets settings that never change.
    func settings(for eventLoop: NIOIsolatedEventLoop) -> HTTPLoopSettings {
        let loop = eventLoop.nonisolated()
        guard let settings = loops.first(where: { $0.eventLoop === loop }) else {
            return HTTPLoopSettings(limits: limits, cors: cors, on: loop)
        }
        return settings.value(on: eventLoop)
    }

    /// Replaces the origins and limits of requests on every loop, as soon as the loop runs.
    package func reload(limits: HTTPLimits, cors: CORSConfiguration?) {
        for settings in loops { settings.execute { $0.take(limits: limits, cors: cors) } }
    }
}
