// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// The objects that all connections of a listener share: the configuration, the settings of each event loop, and the
/// service.
package final class HTTPServer: Sendable {
    package let configuration: HTTPServerConfiguration
    package let service: any HTTPService
    let settings: HTTPLoopSettingsTable
    /// Whether the service wants a record of each request.
    let isObserved: Bool

    package init(
        configuration: HTTPServerConfiguration, service: any HTTPService, settings: HTTPLoopSettingsTable
    ) {
        self.configuration = configuration
        self.service = service
        self.settings = settings
        isObserved = service.wantsRecords
    }

    /// A server whose limits do not change.
    package convenience init(
        configuration: HTTPServerConfiguration, service: any HTTPService, eventLoops: [any EventLoop] = []
    ) {
        self.init(
            configuration: configuration, service: service,
            settings: HTTPLoopSettingsTable(configuration, eventLoops: eventLoops))
    }
}
