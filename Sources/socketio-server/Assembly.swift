// Part of socketio-server, MIT licence; see LICENSE.

internal import Chat
internal import EngineIOServer
internal import Hummingbird
internal import Logging
internal import SocketIOHummingbird
internal import SocketIOServer

/// Builds the object graph: the one file that knows every module.
struct Assembly {
    let settings: Settings
    let logger: Logger
    let server: Server

    /// Puts everything together; nothing listens yet.
    ///
    /// - Throws: `SettingsError` for settings that only the parts themselves can find fault with.
    init(_ loaded: LoadedSettings) throws {
        settings = loaded.settings
        logger = LineLogHandler.logger(label: "socketio-server", settings: settings.log)
        server = Server(configuration: try LibraryConfiguration.make(loaded))
        let router = Router(context: BasicRequestContext.self, options: [.autoGenerateHeadEndpoints])
        if settings.chat.enabled {
            Chat(io: server).mount()
            ChatPages().addRoutes(to: router)
        }
        let pages = HummingbirdApplication(responder: router.buildResponder(), logger: logger)
        if let path = settings.health.path {
            server.application = HealthCheck(path: path, next: pages)
        } else {
            server.application = pages
        }
    }

    /// Whether a server could be built from the settings, without the threads of one.
    static func check(_ loaded: LoadedSettings) throws {
        _ = try LibraryConfiguration.make(loaded)
    }
}
