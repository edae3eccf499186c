// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import EngineIOServer
internal import FailureText
internal import Logging
internal import Metrics
internal import NIOCore
internal import NIOHTTP1
internal import ServiceLifecycle
internal import SocketIOServer
internal import UnixSignals

/// The life of a serving process: start, signals, end.
enum Operations {
    /// Serves until SIGTERM or SIGINT, then closes everything.
    ///
    /// - Parameter reload: reads the settings again, on SIGHUP.
    static func run(
        _ loaded: LoadedSettings, reload: @escaping @Sendable () async throws -> LoadedSettings
    ) async throws {
        LargeAllocations.keepApart()
        let descriptors = DescriptorLimit.raise()
        // Before the first instrument is made: those made earlier would count into the void.
        let metrics = loaded.settings.operations.port == nil ? nil : MetricRegistry()
        if let metrics { MetricsSystem.bootstrap(metrics) }
        let assembly: Assembly
        do {
            // Finds everything at once, where the assembly ends at the first part that cannot be made.
            try await Assembly.check(loaded, unused: false)
            assembly = try await Assembly(loaded, metrics: metrics)
        } catch let error as SettingsError {
            StandardError.write("\(error)\n")
            throw ExitCode.wrongSettings
        }
        warn(ofLimit: descriptors, assembly.logger)
        let group = ServiceGroup(
            services: [ListeningService(assembly: assembly)], gracefulShutdownSignals: [.sigterm, .sigint],
            logger: quiet(assembly.logger))
        let impatience = await SecondSignal.watch(assembly.logger)
        let reloading = await Reload(assembly: assembly, file: loaded.file, load: reload).watch()
        defer {
            impatience.cancel()
            reloading.cancel()
        }
        do {
            try await group.run()
        } catch let failure as ListenFailure {
            assembly.logger.critical("\(failure.message)", metadata: failure.metadata)
            throw ExitCode.failure
        }
    }

    /// Warns when the limit of descriptors is low, since each connection takes one.
    private static func warn(ofLimit descriptors: Int?, _ logger: Logger) {
        guard let descriptors, descriptors < DescriptorLimit.recommended else { return }
        logger.warning(
            "few connections fit into the limit of open files",
            metadata: [
                "limit": "\(descriptors)", "recommended": "\(DescriptorLimit.recommended)",
                "advice": "raise it (ulimit -Hn, LimitNOFILE= of systemd, --ulimit nofile of Docker)",
            ])
    }

    /// The life cycle's own messages are of no use to an operator, below warnings.
    private static func quiet(_ logger: Logger) -> Logger {
        var logger = logger
        logger.logLevel = max(logger.logLevel, .warning)
        return logger
    }
}

/// Listens, says so, and closes the server when the process is told to end.
private struct ListeningService: Service {
    let assembly: Assembly

    func run() async throws {
        let settings = assembly.settings
        let address: SocketAddress?
        assembly.authentication?.start()
        defer { assembly.authentication?.stop() }
        do {
            try await assembly.listenForOperations()
            try await assembly.cluster?.waitIfRequired()
        } catch {
            await assembly.close()
            throw error
        }
        do {
            address = try await assembly.server.listen(host: settings.host, port: settings.port)
        } catch {
            await assembly.close()
            throw ListenFailure(error, settings: settings)
        }
        assembly.readiness.accept()
        assembly.logger.info(
            "listening",
            metadata: [
                "host": "\(settings.host)",
                "port": "\(address?.port ?? settings.port)",
                "path": "\(settings.path)",
                "adapter": "\(settings.adapter)",
                "node": "\(assembly.server.configuration.engine.nodeTag)",
                "eventLoops": "\(assembly.server.configuration.eventLoops)",
                "maxSessions": "\(assembly.server.maxSessions)",
                "tls": "\(settings.tls.certificateFile != nil)",
                "version": "\(Version.current)",
            ])
        assembly.logAddress(port: address?.port ?? settings.port)
        let watches = [
            assembly.watchCluster(), assembly.watchOverload(), assembly.maintainChat(), assembly.deliverWebhooks(),
        ]
        assembly.serviceManager.ready(status: "listening on port \(address?.port ?? settings.port)")
        let watchdog = Task { [server = assembly.server] in
            await assembly.serviceManager.watch { within in
                Duration.nanoseconds(server.currentLoopLag.nanoseconds) < within
            }
        }
        // Throws when the task is cancelled, which is just another way to be told.
        try? await gracefulShutdown()
        await assembly.shutDown { for watch in watches { watch?.cancel() } }
        watchdog.cancel()
    }
}

/// Why the server could not start to serve, and which setting helps.
struct ListenFailure: Error {
    let message: String
    let metadata: Logger.Metadata

    init(message: String, metadata: Logger.Metadata) {
        self.message = message
        self.metadata = metadata
    }

    init(_ error: any Error, settings: Settings) {
        metadata = ["host": "\(settings.host)", "port": "\(settings.port)", "error": "\(failureText(error))"]
        message =
            switch (error as? ListenError)?.reason {
            case .addressInUse: "the port is in use; choose another with 'port', SOCKETIO_PORT or --port"
            case .notPermitted:
                "no right to listen on this port; choose one from 1024 on with 'port', SOCKETIO_PORT or --port"
            case .noSuchAddress: "this machine does not have the address; set 'host', SOCKETIO_HOST or --host"
            case .unknownHost: "the host is not known; set 'host', SOCKETIO_HOST or --host"
            case .other, nil: "could not listen"
            }
    }
}

/// Answers on one path as long as the process can answer at all, and hands on everything else.
struct HealthCheck<Next: HTTPApplication>: HTTPApplication {
    let path: String
    let next: Next

    func respond(to request: ApplicationRequest, writer: ApplicationResponseWriter) async {
        guard request.isFor(path: path) else {
            return await next.respond(to: request, writer: writer)
        }
        var answer = ApplicationResponse.text("ok\n")
        if request.method != .GET, request.method != .HEAD {
            answer = .text("Method Not Allowed\n", status: .methodNotAllowed)
            answer.headers.add(name: "Allow", value: "GET, HEAD")
        }
        answer.headers.add(name: "Cache-Control", value: "no-store")
        // Fails only when the client has gone; there is nobody left to tell.
        try? await writer.respond(status: answer.status, headers: answer.headers, body: answer.body)
    }
}
