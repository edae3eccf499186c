// Part of socketio-server, MIT licence; see LICENSE.

internal import Chat
internal import EngineIOServer
internal import FailureText
internal import HiredisNIO
internal import Logging
internal import NIOCore

/// Opens the store of the chat that the settings name.
enum ChatStore {
    /// - Throws: `SettingsError` for a file that cannot be used, if the settings insist on it, and for a Redis that cannot be
    ///   one.
    static func make(
        _ loaded: LoadedSettings, eventLoop: any EventLoop, logger: Logger
    ) throws -> any HistoryStore {
        let settings = loaded.settings
        let limits = settings.chat.limits
        switch settings.chat.store {
        case .memory: return MemoryStore(limits: limits)
        case .redis: return try redis(loaded, eventLoop, logger)
        case .auto where settings.adapter.isShared: return try redis(loaded, eventLoop, logger)
        case .auto, .sqlite:
            do {
                return try SQLiteStore(path: settings.chat.databaseFile, limits: limits)
            } catch {
                if settings.chat.store == .sqlite {
                    throw SettingsError(problems: [
                        SettingProblem(
                            source: loaded.sources["chat.databaseFile"] ?? .defaults, key: "chat.databaseFile",
                            message: "cannot be used: \(failureText(error))")
                    ])
                }
                logger.warning(
                    "the chat keeps its history in memory, because its database cannot be used; set chat.databaseFile",
                    metadata: ["file": "\(settings.chat.databaseFile)", "error": "\(failureText(error))"])
                return MemoryStore(limits: limits)
            }
        }
    }

    private static func redis(
        _ loaded: LoadedSettings, _ eventLoop: any EventLoop, _ logger: Logger
    ) throws -> any HistoryStore {
        RedisStore(
            configuration: try RedisSettings.redis(loaded), eventLoop: eventLoop, logger: logger,
            prefix: loaded.settings.chat.redisPrefix, limits: loaded.settings.chat.limits)
    }

    /// Logs what a person has reported; the texts are the moderators' to look up, and are not logged.
    static func log(_ report: ChatReport, to log: RateLimitedLogger<ChatLogKind>) {
        log.log(
            .reported, level: .notice,
            [
                "room": "\(report.message.room)", "message": "\(report.message.seq)", "from": "\(report.message.from)",
                "by": "\(report.by.id)",
            ])
    }
}

/// The log lines that people of the chat can cause.
enum ChatLogKind: String, LogKind {
    case reported = "a message was reported"

    /// Enough for the reports that people make, in each second.
    var burst: Int { 10 }
}

extension Assembly {
    /// Logs the URL to click.
    func logAddress(port: Int) {
        guard chat != nil else { return }
        let scheme = settings.tls.certificateFile == nil ? "http" : "https"
        let own = ["*", "0.0.0.0", "::", "[::]", "127.0.0.1", "::1", "[::1]"]
        let host = own.contains(settings.host) ? "localhost" : settings.host
        logger.notice("open the chat in a browser", metadata: ["url": "\(scheme)://\(host):\(port)/"])
    }
}
