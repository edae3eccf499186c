// Part of socketio-server, MIT licence; see LICENSE.

package import Logging
internal import NIOConcurrencyHelpers
package import NIOCore
internal import Synchronization

/// The log lines of one part of the software that a peer can cause. The raw value is the text of the line.
package protocol LogKind: RawRepresentable<String>, CaseIterable, Hashable, Sendable {
    /// The time in which at most ``burst`` lines of this kind are written.
    var interval: TimeAmount { get }
    /// How many lines of this kind are written in each ``interval``; at least 1.
    var burst: Int { get }
}

extension LogKind {
    /// One second.
    package var interval: TimeAmount { .seconds(1) }
    /// One line.
    package var burst: Int { 1 }
}

/// Writes log lines that a peer can cause any number of times, and limits them by kind and interval.
///
/// The first line of an interval is written immediately. Suppressed lines are counted, and the next line of this kind
/// has the count as `leftOut`; if none follows soon, a separate line reports it, with what the last line said of the reason. A
/// suppressed line costs two atomic operations, creates no metadata and takes no lock, and memory is bounded by the number of
/// kinds.
///
/// May be used from any thread.
package final class RateLimitedLogger<Kind: LogKind>: Sendable {
    private final class Line: Sendable {
        /// When the interval ends, in nanoseconds of the loop's clock.
        let end = Atomic<UInt64>(0)
        /// Lines written in this interval.
        let written = Atomic(0)
        /// Lines suppressed since the last one that was written.
        let leftOut = Atomic(0)
        /// What the last line said that holds for others of its kind as well.
        let said = NIOLockedValueBox(Logger.Metadata())
    }

    /// The metadata keys that describe the cause of a line. The other keys name the client or node that the line is about.
    private static var lasting: [String] { ["reason", "advice", "hint", "limit"] }

    private let logger: Logger
    private let eventLoop: (any EventLoop)?
    private let lines: [Kind: Line]

    /// - Parameters:
    ///   - logger: Writes the lines.
    ///   - eventLoop: Provides the time, and reports the count of suppressed lines. Nil where no loop is known in
    ///     advance; each call then passes one.
    package init(_ logger: Logger, eventLoop: (any EventLoop)? = nil) {
        self.logger = logger
        self.eventLoop = eventLoop
        lines = Dictionary(Kind.allCases.map { ($0, Line()) }, uniquingKeysWith: { first, _ in first })
    }

    /// Writes a line, or counts it.
    ///
    /// - Parameters:
    ///   - eventLoop: Replaces the loop passed to the initialiser. Without either, only the next line reports the count
    ///     of suppressed lines.
    ///   - metadata: Evaluated only when the line is written.
    package func log(
        _ kind: Kind, level: Logger.Level = .warning, on eventLoop: (any EventLoop)? = nil,
        _ metadata: @autoclosure () -> Logger.Metadata = [:]
    ) {
        guard logger.logLevel <= level, let line = lines[kind] else { return }
        let eventLoop = eventLoop ?? self.eventLoop
        let now = (eventLoop?.now ?? .now()).uptimeNanoseconds
        let end = line.end.load(ordering: .relaxed)
        if now >= end {
            let next = now &+ UInt64(clamping: kind.interval.nanoseconds)
            if line.end.compareExchange(expected: end, desired: next, ordering: .relaxed).exchanged {
                line.written.store(1, ordering: .relaxed)
                let leftOut = line.leftOut.exchange(0, ordering: .relaxed)
                return write(kind, level, remembered(metadata(), line), leftOut: leftOut)
            }
        } else if line.written.load(ordering: .relaxed) < kind.burst,
            line.written.wrappingAdd(1, ordering: .relaxed).oldValue < kind.burst
        {
            return write(kind, level, remembered(metadata(), line), leftOut: 0)
        }
        guard line.leftOut.wrappingAdd(1, ordering: .relaxed).oldValue == 0, let eventLoop else { return }
        // While the flood lasts, the next line reports the count together with its latest cause.
        let deadline = NIODeadline.uptimeNanoseconds(line.end.load(ordering: .relaxed)) + .milliseconds(100)
        _ = eventLoop.scheduleTask(deadline: deadline) { self.summarise(kind, level, line, now: eventLoop.now) }
    }

    /// Reports the count if no line of this kind has been written since the interval ended.
    private func summarise(_ kind: Kind, _ level: Logger.Level, _ line: Line, now: NIODeadline) {
        let now = now.uptimeNanoseconds
        let end = line.end.load(ordering: .relaxed)
        // Another task reports the lines suppressed in a later interval.
        guard now >= end,
            line.end.compareExchange(
                expected: end, desired: now &+ UInt64(clamping: kind.interval.nanoseconds), ordering: .relaxed
            ).exchanged
        else { return }
        line.written.store(1, ordering: .relaxed)
        let count = line.leftOut.exchange(0, ordering: .relaxed)
        if count > 0 { write(kind, level, line.said.withLockedValue { $0 }, leftOut: count) }
    }

    private func remembered(_ metadata: Logger.Metadata, _ line: Line) -> Logger.Metadata {
        let lasting = metadata.filter { Self.lasting.contains($0.key) }
        line.said.withLockedValue { $0 = lasting }
        return metadata
    }

    private func write(_ kind: Kind, _ level: Logger.Level, _ metadata: Logger.Metadata, leftOut: Int) {
        var metadata = metadata
        if leftOut > 0 { metadata["leftOut"] = "\(leftOut)" }
        logger.log(level: level, "\(kind.rawValue)", metadata: metadata)
    }
}
