// Part of socketio-server, MIT licence; see LICENSE.

internal import Chat
internal import Logging
internal import NIOConcurrencyHelpers
internal import SocketIOServer
internal import UnixSignals

/// SIGHUP, or a changed file: reads the settings again and takes over what can change while the server runs.
///
/// All or nothing: settings with a problem, or keys and certificates that cannot be used, change nothing.
struct Reload: Sendable {
    let assembly: Assembly
    /// The settings file.
    let file: String?
    let load: @Sendable () async throws -> LoadedSettings

    /// Why the settings are read again, as the log has it.
    private enum Cause: String {
        case signal = "SIGHUP"
        case file = "a file has changed"
    }

    /// Watches until it is cancelled.
    func watch() async -> Task<Void, Never> {
        let signals = await UnixSignalsSequence(trapping: .sighup)
        let current = NIOLockedValueBox(assembly.settings)
        let (causes, sink) = AsyncStream.makeStream(of: Cause.self, bufferingPolicy: .bufferingNewest(1))
        return Task {
            await withTaskGroup { group in
                group.addTask {
                    for await _ in signals { sink.yield(.signal) }
                }
                group.addTask { await watchFiles(current) { sink.yield(.file) } }
                group.addTask {
                    for await cause in causes {
                        assembly.serviceManager.reloading()
                        let next = await apply(to: current.withLockedValue { $0 }, cause)
                        current.withLockedValue { $0 = next }
                        assembly.serviceManager.ready(status: "listening")
                    }
                }
            }
        }
    }

    private func watchFiles(_ current: NIOLockedValueBox<Settings>, _ changed: () -> Void) async {
        let settings = current.withLockedValue { $0 }
        guard settings.reload.watch else { return }
        var watch = FileWatch(files(settings))
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(settings.reload.intervalMs))
            if watch.look(at: files(current.withLockedValue { $0 })) { changed() }
        }
    }

    private func files(_ settings: Settings) -> [String] {
        [file, settings.tls.certificateFile, settings.tls.keyFile].compactMap(\.self)
            + JWTPolicy.files(settings.auth.jwt)
    }

    /// - Returns: the settings that hold afterwards.
    private func apply(to current: Settings, _ cause: Cause) async -> Settings {
        let wanted: Settings
        do {
            let loaded = try await load()
            wanted = loaded.settings
            let policy = try await JWTPolicy.make(loaded)
            var server = try LibraryConfiguration.make(loaded)
            // TLS cannot be switched on or off on a listener that is there.
            if (current.tls.certificateFile == nil) != (wanted.tls.certificateFile == nil) { server.engine.tls = nil }
            try assembly.server.reload(server)
            assembly.chat?.limits = wanted.chat.limits
            // Nor can authentication: it stands in front of what the application has registered.
            if let policy { assembly.authentication?.apply(policy) }
        } catch {
            report(error, cause)
            return current
        }
        var next = current
        var taken: [String] = []
        var left: [SettingDefinition] = []
        for setting in SettingTable.all where setting.read(current) != setting.read(wanted) {
            if Self.isTaken(setting, current, wanted) {
                setting.assign(setting.read(wanted), &next)
                taken.append(setting.key)
            } else {
                left.append(setting)
            }
        }
        RuntimeLogLevel.change(to: next.log.level)
        assembly.logger.notice(
            "settings reloaded",
            metadata: ["cause": "\(cause.rawValue)", "changed": "\(taken.joined(separator: " "))"])
        for setting in left {
            assembly.logger.warning(
                "needs a restart",
                metadata: [
                    "setting": "\(setting.key)", "old": "\(setting.shown(setting.read(current)))",
                    "new": "\(setting.shown(setting.read(wanted)))",
                ])
        }
        return next
    }

    private func report(_ error: any Error, _ cause: Cause) {
        let problems = (error as? SettingsError)?.problems.map(\.description) ?? ["\(error)"]
        for problem in problems {
            assembly.logger.error("a problem in the settings", metadata: ["problem": "\(problem)"])
        }
        assembly.logger.error(
            "the settings were not reloaded; those from before hold",
            metadata: ["cause": "\(cause.rawValue)", "problems": "\(problems.count)"])
    }

    /// Whether a setting that has changed is taken over.
    static func isTaken(_ setting: SettingDefinition, _ current: Settings, _ wanted: Settings) -> Bool {
        if setting.key.hasPrefix("tls.") {
            return current.tls.certificateFile != nil && wanted.tls.certificateFile != nil
        }
        if setting.key.hasPrefix("auth.jwt.") {
            return (current.auth.jwt.mode == .off) == (wanted.auth.jwt.mode == .off)
        }
        return setting.reload != .restart
    }
}
