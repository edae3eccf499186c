// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import SocketIOServer
internal import UnixSignals

/// SIGHUP: reads the settings again and takes over what can change while the server runs.
struct Reload: Sendable {
    /// Settings that are taken over; all others need a restart.
    static let keys: Set<String> = [
        "log.level", "admission.maxSessions", "admission.maxHandshakesPerSecond", "tls.certificateFile", "tls.keyFile",
        "tls.keyPassword",
    ]

    let assembly: Assembly
    let load: @Sendable () async throws -> LoadedSettings

    /// Watches until it is cancelled.
    func watch() async -> Task<Void, Never> {
        let signals = await UnixSignalsSequence(trapping: .sighup)
        return Task {
            var current = assembly.settings
            for await _ in signals { current = await apply(to: current) }
        }
    }

    /// - Returns: the settings that hold afterwards.
    private func apply(to current: Settings) async -> Settings {
        let wanted: Settings
        do {
            let loaded = try await load()
            wanted = loaded.settings
            var engine = try LibraryConfiguration.make(loaded).engine
            // TLS cannot be switched on or off on a listener that is there.
            if (current.tls.certificateFile == nil) != (wanted.tls.certificateFile == nil) { engine.tls = nil }
            try assembly.server.reload(engine)
        } catch {
            assembly.logger.error("the settings were not reloaded", metadata: ["error": "\(error)"])
            return current
        }
        var next = current
        var taken: [String] = []
        var left: [String] = []
        for setting in SettingTable.all where setting.read(current) != setting.read(wanted) {
            if isTaken(setting.key, current, wanted) {
                setting.assign(setting.read(wanted), &next)
                taken.append(setting.key)
            } else {
                left.append(setting.key)
            }
        }
        RuntimeLogLevel.change(to: next.log.level)
        assembly.logger.notice("settings reloaded", metadata: ["changed": "\(taken.joined(separator: " "))"])
        if !left.isEmpty {
            assembly.logger.warning(
                "some changes need a restart", metadata: ["settings": "\(left.joined(separator: " "))"])
        }
        return next
    }

    private func isTaken(_ key: String, _ current: Settings, _ wanted: Settings) -> Bool {
        guard key.hasPrefix("tls.") else { return Self.keys.contains(key) }
        return current.tls.certificateFile != nil && wanted.tls.certificateFile != nil
    }
}
