// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOServer
internal import FailureText
package import Logging
package import NIOCore
internal import SocketIOCore

/// The objects that all parts of a cluster share. From any thread.
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

    /// Counts a peer's fault, and logs it at most once a second.
    package func invalid(_ what: String, _ error: any Error) {
        counters.invalid.increment()
        if let limit = ClusterLimit(error) { counters.refused(limit) }
        log.log(.messageDropped, ["reason": "\(what): \(failureText(error))"])
    }

    /// Counts an answer of this node that exceeds a limit, and logs it at most once a second.
    func answerRefused(_ error: any Error, _ limit: ClusterLimit = .answerBytes) {
        counters.refused(limit)
        log.log(.answerNotSent, ["reason": "\(failureText(error))"])
    }

    /// Records that a message to other servers cannot be encoded.
    func notSent(_ error: any Error, namespace: String) {
        log.log(.notTold, level: .error, ["nsp": "\(namespace)", "error": "\(failureText(error))"])
    }
}
