// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore

/// Warnings about what may happen very often: the first is logged at once, those of the following minute together.
final class EngineNotices: Sendable {
    enum Kind: String, CaseIterable {
        case slowClient = "a slow client was disconnected"
        case tooManySessions = "handshakes are refused: admission.maxSessions is reached"
        case tooManyHandshakes = "handshakes are refused: admission.maxHandshakesPerSecond is reached"
    }

    private struct State {
        /// Those not logged yet, by kind; a kind that is absent has been quiet for a minute.
        var waiting: [Kind: Int] = [:]
    }

    private let logger: Logger
    private let interval: TimeAmount
    private let state = NIOLockedValueBox(State())

    init(logger: Logger, interval: TimeAmount = .minutes(1)) {
        self.logger = logger
        self.interval = interval
    }

    /// It has happened once. On the event loop.
    func happened(_ kind: Kind, on eventLoop: any EventLoop, _ metadata: @autoclosure () -> Logger.Metadata = [:]) {
        let isFirst = state.withLockedValue { state in
            guard let count = state.waiting[kind] else {
                state.waiting[kind] = 0
                return true
            }
            state.waiting[kind] = count + 1
            return false
        }
        guard isFirst else { return }
        var all = metadata()
        all["count"] = "1"
        logger.warning("\(kind.rawValue)", metadata: all)
        scheduleSummary(of: kind, on: eventLoop)
    }

    private func scheduleSummary(of kind: Kind, on eventLoop: any EventLoop) {
        _ = eventLoop.scheduleTask(in: interval) { self.summarise(kind, on: eventLoop) }
    }

    private func summarise(_ kind: Kind, on eventLoop: any EventLoop) {
        let count = state.withLockedValue { state in
            let count = state.waiting[kind] ?? 0
            state.waiting[kind] = count > 0 ? 0 : nil
            return count
        }
        guard count > 0 else { return }
        logger.warning(
            "\(kind.rawValue)", metadata: ["count": "\(count)", "seconds": "\(interval.nanoseconds / 1_000_000_000)"])
        scheduleSummary(of: kind, on: eventLoop)
    }
}
