// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import SocketIOServer

extension LibraryConfiguration {
    /// How sessions are continued, in the form that the library takes; nil when they are not.
    static func recovery(_ settings: Settings.Recovery) -> ConnectionStateRecovery? {
        guard settings.enabled else { return nil }
        var recovery = ConnectionStateRecovery()
        recovery.maxDisconnectionDuration = .milliseconds(settings.maxDisconnectionDurationMs)
        recovery.skipMiddlewares = settings.skipMiddlewares
        recovery.maxPackets = settings.maxPackets
        recovery.maxBytes = settings.maxBytes
        recovery.maxTotalBytes = settings.maxTotalBytes
        recovery.maxSessions = settings.maxSessions
        recovery.maxSessionBytes = settings.maxSessionBytes
        recovery.maxReplayPackets = settings.maxReplayPackets
        recovery.maxReplayBytes = settings.maxReplayBytes
        recovery.failedEvent = settings.failedEvent
        return recovery
    }
}
