// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOServer
package import Logging
package import NIOCore
internal import SocketIOCore

/// What all parts of a cluster share. From any thread.
package final class ClusterServices: Sendable {
    package let configuration: ClusterConfiguration
    package let counters: ClusterCounters
    package let log: RateLimitedLogger<ClusterLogKind>
    package let logger: Logger
    package let eventLoop: any EventLoop

    init(configuration: ClusterConfiguration, counters: ClusterCounters, logger: Logger, eventLoop: any EventLoop) {
        self.configuration = configuration
        self.counters = counters
        self.logger = logger
        self.eventLoop = eventLoop
        log = RateLimitedLogger(logger, eventLoop: eventLoop)
    }

    /// A peer's fault: counted, and logged once a second at most.
    package func invalid(_ what: String, _ error: any Error) {
        counters.invalid.increment()
        if let limit = ClusterLimit(error) { counters.refused(limit) }
        log.log(.messageDropped, ["reason": "\(what): \(error)"])
    }

    /// An answer of this node is over a limit: counted, and logged once a second at most.
    func answerRefused(_ error: any Error, _ limit: ClusterLimit = .answerBytes) {
        counters.refused(limit)
        log.log(.answerNotSent, ["reason": "\(error)"])
    }

    /// What was to be sent to other servers cannot be written.
    func notSent(_ error: any Error, namespace: String) {
        log.log(.notTold, level: .error, ["nsp": "\(namespace)", "error": "\(error)"])
    }
}
