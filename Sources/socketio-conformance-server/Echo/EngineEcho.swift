// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import NIOCore
internal import NIOPosix

/// `eio`: Engine.IO alone, every message is sent back.
enum EngineEcho {
    static func start(_ settings: ApplicationSettings) async throws -> RunningApplication {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: settings.eventLoops)
        var ours = settings
        ours.configure = { configuration in
            configuration.path = "/engine.io"
            settings.configure(&configuration)
        }
        let configuration = ours.engine(
            pingInterval: .milliseconds(300), pingTimeout: .milliseconds(200), cors: CORSConfiguration())
        let loops = Array(group.makeIterator())
        do {
            let engine = EngineServer(configuration: configuration, eventLoops: loops, delegate: Delegate())
            let router = try HTTPRouter(
                configuration: configuration, engine: engine, application: ConformanceApplication.other,
                eventLoops: loops)
            let listener = try await HTTPListener.bind(
                to: .tcp(host: settings.host, port: settings.port), group: group, server: router.server)
            return RunningApplication(
                port: listener.port ?? 0,
                clientsCount: { engine.clientsCount },
                stop: {
                    await listener.stopAccepting()
                    await engine.close()
                    await listener.close()
                    try? await group.shutdownGracefully()
                })
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private final class Delegate: EngineDelegate {
        func opened(_ session: SessionCore) -> any EngineSessionHandler { Handler(session) }
    }

    private final class Handler: EngineSessionHandler {
        private let session: SessionCore

        init(_ session: SessionCore) {
            self.session = session
        }

        func received(_ message: EngineMessage) {
            session.markEstablished()
            session.send(OutboundMessage(head: .message(message)))
        }

        func upgraded(to transport: TransportName) {}
        func drained() {}
        func closed(_ reason: CloseReason, detail: String?) {}
    }
}
