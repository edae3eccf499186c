// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import FailureText
internal import Logging

/// The metadata of this layer's log lines: keys are `sid` (shortened, it is a secret), `socket`, `nsp`, `reason`, `error`,
/// and of events `event`, `argument`, `expected`, `got`.
enum LogMetadata {
    static func session(_ session: SessionCore, reason: String) -> Logger.Metadata {
        ["sid": "\(session.shortenedID)", "reason": "\(reason)"]
    }

    /// Adds the name of an event, and what its arguments were to be and were.
    static func event(_ event: String, _ metadata: Logger.Metadata, _ error: any Error) -> Logger.Metadata {
        var metadata = metadata
        metadata["event"] = "\(event.prefix(maximumBytes: 256))"
        if let mismatch = (error as? SocketError)?.mismatch {
            metadata["argument"] = "\(mismatch.index)"
            metadata["expected"] = "\(mismatch.expected)"
            metadata["got"] = "\(mismatch.got)"
        }
        return metadata
    }

    static func socket(_ socket: Socket, error: any Error, event: String? = nil) -> Logger.Metadata {
        let metadata: Logger.Metadata = [
            "socket": "\(socket.id)", "nsp": "\(socket.namespace.name)", "error": "\(failureText(error))",
        ]
        guard let event else { return metadata }
        return self.event(event, metadata, error)
    }

    static func namespace(_ name: String, error: any Error) -> Logger.Metadata {
        ["nsp": "\(name)", "error": "\(failureText(error))"]
    }
}
