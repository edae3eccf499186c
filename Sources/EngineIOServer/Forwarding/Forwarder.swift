// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Carries requests for sessions of other nodes to those nodes.
final class Forwarder: MisroutedRequestHandler {
    private let configuration: ForwardingConfiguration

    init?(_ configuration: EngineConfiguration, eventLoops: [any EventLoop]) {
        guard let forwarding = configuration.forwarding else { return nil }
        self.configuration = forwarding
    }

    func take(_ request: MisroutedRequest) -> Bool { false }
}
