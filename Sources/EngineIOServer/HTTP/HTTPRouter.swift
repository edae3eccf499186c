// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Logging
internal import LoopConfinement
internal import Metrics
package import NIOCore
internal import NIOHTTP1

/// What all connections of a server share: the configuration, and the routing of requests.
package final class HTTPRouter: Sendable {
    enum Route {
        case clientFile(String)
        case engine(any EngineRequestHandler)
        /// An upgrade for a path that is not the engine's.
        case foreignUpgrade
        case application
    }

    let configuration: EngineConfiguration
    let clientFiles: ClientFiles
    let trustedProxies: TrustedProxies
    let application: (any HTTPApplication)?
    let logger: Logger
    let log: RateLimitedLogger<EngineLogKind>
    /// Lets requests of other nodes in, and no others; nil where clients are welcome.
    let gate: ForwardingGate?
    /// The answer to what nobody wants.
    let notFound = EngineResponse(
        status: .notFound, headers: ["Content-Type": "text/plain; charset=utf-8"],
        body: ByteBuffer(string: "not found\n"))

    private let engine: (any EngineRequestHandler)?
    private let prefix: [UInt8]
    private let loopSettings: [LoopReference<HTTPLoopSettings>]
    private let refusals: [UInt: Counter]
    let limits: LimitMetrics
    private let proxyHeadersMissing: Counter
    /// Whoever wants to hear of each request; nil for nobody.
    let requestObserver: (any EngineObserver)?

    /// Without an engine everything is the application's, client files excepted.
    ///
    /// Reads the client files, with blocking calls; throws ``EngineConfigurationError`` for settings that cannot work.
    package convenience init(
        configuration: EngineConfiguration, engine: (any EngineRequestHandler)?, application: (any HTTPApplication)?,
        eventLoops: [any EventLoop] = []
    ) throws {
        try self.init(
            configuration: configuration, engine: engine, application: application, eventLoops: eventLoops, gate: nil)
    }

    init(
        configuration: EngineConfiguration, engine: (any EngineRequestHandler)?, application: (any HTTPApplication)?,
        eventLoops: [any EventLoop], gate: ForwardingGate?
    ) throws {
        try configuration.validate()
        self.gate = gate
        self.configuration = configuration
        self.engine = engine
        self.application = application
        logger = configuration.logger
        log = RateLimitedLogger(configuration.logger)
        prefix = Array(configuration.effectivePath.utf8)
        trustedProxies = TrustedProxies(configuration.trustedProxies)
        clientFiles = ClientFiles(
            path: configuration.path, directory: configuration.serveClient ? configuration.clientDirectory : nil,
            version: configuration.clientVersion)
        loopSettings = eventLoops.map { LoopReference(sending: HTTPLoopSettings(configuration, on: $0)) }
        // Made beforehand: looking a counter up for each refusal would help a flood.
        refusals = Dictionary(
            uniqueKeysWithValues: [400, 403, 404, 405, 408, 413, 417, 429, 431, 500, 501, 503, 505].map {
                (
                    $0,
                    Counter(
                        label: "socketio_http_refused_total", dimensions: [("status", String($0))],
                        factory: configuration.isCounted ? MetricsSystem.factory : NOOPMetricsHandler.instance)
                )
            })
        limits = LimitMetrics(isCounted: configuration.isCounted)
        proxyHeadersMissing = Counter(
            label: "socketio_proxy_headers_missing_total", dimensions: [],
            factory: configuration.isCounted ? MetricsSystem.factory : NOOPMetricsHandler.instance)
        requestObserver = configuration.observer.flatMap { $0.wantsRequests ? $0 : nil }
        for (name, path) in clientFiles.strays.sorted(by: { $0.key < $1.key }) {
            logger.warning(
                "A client file is a link out of its directory and is not served",
                metadata: ["file": "\(name)", "leadsTo": "\(path)"])
        }
        if configuration.serveClient, configuration.warnsOfMissingClientFiles,
            let directory = configuration.clientDirectory, clientFiles.available.isEmpty
        {
            logger.warning(
                "No client files found",
                metadata: [
                    "directory": "\(directory)",
                    "advice": "fetch them with 'make client', or let pages load the client from elsewhere",
                ])
        }
    }

    func route(target: String, isUpgrade: Bool) -> Route {
        if !isUpgrade, configuration.serveClient, let name = clientFiles.name(of: target) { return .clientFile(name) }
        if let engine, belongsToEngine(target) { return .engine(engine) }
        return isUpgrade && configuration.destroyUpgrade ? .foreignUpgrade : .application
    }

    /// The prefix rule of protocol 1.3. Without a trailing slash the next byte must end the path: `/socket.iofoo` is not
    /// ours (Node takes it).
    func belongsToEngine(_ target: String) -> Bool {
        target.withBytes { bytes in
            guard bytes.begins(with: prefix) else { return false }
            guard !configuration.addTrailingSlash, bytes.count > prefix.count else { return true }
            let next = bytes[prefix.count]
            return next == UInt8(ascii: "?") || next == UInt8(ascii: "/")
        }
    }

    /// What connections of this loop go by. Those of loops the router was not told of keep what they begin with.
    func settings(for eventLoop: NIOIsolatedEventLoop) -> HTTPLoopSettings {
        let loop = eventLoop.nonisolated()
        guard let settings = loopSettings.first(where: { $0.eventLoop === loop }) else {
            return HTTPLoopSettings(configuration, on: loop)
        }
        return settings.value(on: eventLoop)
    }

    /// Takes origins and limits of requests from another configuration, on every loop as soon as it can.
    package func reload(_ configuration: EngineConfiguration) {
        for settings in loopSettings { settings.execute { $0.take(configuration) } }
    }

    /// See ``EngineRequestHandler/receiveBuffer(for:)``.
    func receiveBuffer(for eventLoop: NIOIsolatedEventLoop) -> SpareBuffer? { engine?.receiveBuffer(for: eventLoop) }

    /// Counts a connection of a trusted proxy that sent no PROXY header.
    func countMissingProxyHeader() { proxyHeadersMissing.increment() }

    func countRefusal(_ status: HTTPResponseStatus) {
        if status.code >= 400 { refusals[status.code]?.increment() }
    }

    /// Counts and tells that the engine was not asked.
    func reportRefusal(_ request: EngineRequest, _ code: EngineErrorCode, context: [String: String]) {
        engine?.refusedBefore(code)
        requestObserver?.refused(
            RefusalRecord(code: code.rawValue, reason: code.message, sid: nil, clientAddress: request.clientAddress))
        configuration.onConnectionError?(
            EngineConnectionError(request: HandshakeInfo(request), code: code, context: context))
    }
}
