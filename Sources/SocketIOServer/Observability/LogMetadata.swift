// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import Logging

/// The metadata of this layer's log lines: keys are `sid` (shortened, it is a secret), `socket`, `nsp`, `reason`, `error`.
enum LogMetadata {
    static func session(_ session: EngineSession, reason: String) -> Logger.Metadata {
        ["sid": "\(session.id.prefix(maximumBytes: 8))…", "reason": "\(reason)"]
    }

    static func socket(_ socket: Socket, error: any Error, event: String? = nil) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "socket": "\(socket.id)", "nsp": "\(socket.namespace.name)", "error": "\(error)",
        ]
        if let event { metadata["event"] = "\(event)" }
        return metadata
    }

    static func namespace(_ name: String, error: any Error) -> Logger.Metadata {
        ["nsp": "\(name)", "error": "\(error)"]
    }
}
