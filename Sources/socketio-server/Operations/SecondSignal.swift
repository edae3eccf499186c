// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
internal import Logging
internal import UnixSignals

/// A second SIGTERM or SIGINT ends the process at once, with exit code 1.
///
/// A signal within ``sameRequest`` of the first one does not count as the second: a terminal signals the whole process group,
/// and a supervisor in that group passes the signal on, so the same request often arrives twice.
enum SecondSignal {
    /// How long after the first signal further ones belong to the same request.
    static let sameRequest = Duration.seconds(1)

    /// Watches until it is cancelled. The first signal belongs to the life cycle, which drains the server.
    static func watch(_ logger: Logger) async -> Task<Void, Never> {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        return Task {
            var first: ContinuousClock.Instant?
            for await signal in signals {
                let now = ContinuousClock.now
                guard let begin = first else {
                    first = now
                    continue
                }
                guard now - begin >= sameRequest else { continue }
                logger.warning("told a second time; ending at once", metadata: ["signal": "\(signal)"])
                exit(EXIT_FAILURE)
            }
        }
    }
}
