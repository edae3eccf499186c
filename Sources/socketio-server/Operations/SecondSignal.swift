// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
internal import Logging
internal import UnixSignals

/// Who asks twice does not want to wait: the second SIGTERM or SIGINT ends the process at once, with exit code 1.
enum SecondSignal {
    /// Watches until it is cancelled. The first signal is the life cycle's.
    static func watch(_ logger: Logger) async -> Task<Void, Never> {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        return Task {
            var isFirst = true
            for await signal in signals {
                guard isFirst else {
                    logger.warning("told a second time; ending at once", metadata: ["signal": "\(signal)"])
                    exit(EXIT_FAILURE)
                }
                isFirst = false
            }
        }
    }
}
