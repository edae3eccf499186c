// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
package import HTTPServerCore
internal import Logging
internal import Metrics
package import NIOCore
package import NIOHTTP1

/// The service behind the HTTP connections: routes requests to the client files, the engine and the application, and counts and
/// logs what the connections report.
package final class HTTPRouter: HTTPService {
    enum Route {
        case clientFile(String)
        case engine(any EngineRequestHandler)
        /// An upgrade for a path that is not the engine's.
        case foreignUpgrade
        case application
    }

    let configuration: EngineConfiguration
    let clientFiles: ClientFiles
    let application: (any HTTPApplication)?
    let logger: Logger
    let log: RateLimitedLogger<EngineLogKind>
    /// Lets requests of other nodes in, and no others; nil where clients are welcome.
    let gate: ForwardedRequestVerifier?
    /// The answer to what nobody wants.
    let notFound = HTTPServerResponse(
        status: .notFound, headers: ["Content-Type": "text/plain; charset=utf-8"],
        body: ByteBuffer(string: "not found\n"))

    private let engine: (any EngineRequestHandler)?
    private let prefix: [UInt8]
    private let loopSettings: HTTPLoopSettingsTable
    private let refusals: [UInt: Counter]
    let limits: LimitMetrics
    private let proxyHeadersMissing: Counter
    private let refusedForDescriptors: Counter
    /// The observer of requests; nil when none wants them.
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
        eventLoops: [any EventLoop], gate: ForwardedRequestVerifier?
    ) throws {
        try configuration.validate()
        self.gate = gate
        self.configuration = configuration
        self.engine = engine
        self.application = application
        logger = configuration.logger
        log = RateLimitedLogger(configuration.logger)
        prefix = Array(configuration.effectivePath.utf8)
        clientFiles = ClientFiles(
            path: configuration.path, directory: configuration.serveClient ? configuration.clientDirectory : nil,
            servesPackedClient: configuration.servesPackedClient)
        loopSettings = HTTPLoopSettingsTable(configuration.http, eventLoops: eventLoops)
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
        let factory: any MetricsFactory = configuration.isCounted ? MetricsSystem.factory : NOOPMetricsHandler.instance
        proxyHeadersMissing = Counter(
            label: "socketio_proxy_headers_missing_total", dimensions: [], factory: factory)
        refusedForDescriptors = Counter(
            label: "socketio_connections_refused_for_descriptors_total", dimensions: [], factory: factory)
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

    /// What a listener needs to serve connections with this router.
    package var server: HTTPServer {
        HTTPServer(configuration: configuration.http, service: self, settings: loopSettings)
    }

    /// Takes origins and limits of requests from another configuration, on every loop as soon as it can.
    package func reload(_ configuration: EngineConfiguration) {
        loopSettings.reload(limits: configuration.http.limits, cors: configuration.cors)
    }

    // MARK: What the connections report

    /// See ``EngineRequestHandler/receiveBuffer(for:)``.
    package func receiveBuffer(for eventLoop: NIOIsolatedEventLoop) -> ReceiveBufferPool? {
        engine?.receiveBuffer(for: eventLoop)
    }

    package var wantsRecords: Bool { requestObserver != nil }

    package func answered(_ record: HTTPRequestRecord) { requestObserver?.answered(RequestRecord(record)) }

    package func countRefusal(_ status: HTTPResponseStatus) { refusals[status.code]?.increment() }

    package func exceeded(_ limit: HTTPLimit, by address: String, on eventLoop: any EventLoop) {
        let limit = LimitMetrics.Limit(limit)
        limits.count(limit)
        log.overLimit(limit, by: address, on: eventLoop)
    }

    package func proxyHeaderMissing(from address: String, on eventLoop: any EventLoop) {
        proxyHeadersMissing.increment()
        log.log(
            .noProxyHeader, on: eventLoop,
            [
                "remote": "\(address)",
                "advice": "have the proxy send one, in its health checks as well, or set proxyProtocol to false",
            ])
    }

    package func refusedForDescriptors(_ count: Int, limit: Int, on eventLoop: any EventLoop) {
        refusedForDescriptors.increment(by: count)
        log.log(
            .outOfDescriptors, on: eventLoop,
            [
                "limit": "\(limit)", "refused": "\(count)",
                "advice": "raise the limit of open files (ulimit -n, LimitNOFILE), or lower admission.maxSessions",
            ])
    }

    /// Counts and tells that the engine was not asked.
    func reportRefusal(_ request: HTTPServerRequest, _ code: EngineErrorCode, context: [String: String]) {
        engine?.refusedBefore(code)
        requestObserver?.refused(
            RefusalRecord(code: code.rawValue, reason: code.message, sid: nil, clientAddress: request.clientAddress))
        configuration.onConnectionError?(
            EngineConnectionError(request: HandshakeInfo(request), code: code, context: context))
    }
}
