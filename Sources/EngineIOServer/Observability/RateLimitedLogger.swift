// Part of socketio-server, MIT licence; see LICENSE.

package import Logging
package import NIOCore
internal import Synchronization

/// The lines of one part of the software that a peer can cause. The raw value is the text of the line.
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

/// Writes the log lines that a peer can cause any number of times, and limits them for each kind and interval.
///
/// The first line of an interval is written at once. What is left out is counted, and the count stands as `leftOut` in the
/// next line of this kind; when there is none soon, in a line of its own. So a flood costs two atomic
/// operations for each line that is left out, no metadata is made for it, and memory is bounded by the number of kinds.
///
/// From any thread, without a lock.
package final class RateLimitedLogger<Kind: LogKind>: Sendable {
    private final class Line: Sendable {
        /// When the interval ends, in nanoseconds of the loop's clock.
        let end = Atomic<UInt64>(0)
        /// Lines written in this interval.
        let written = Atomic(0)
        /// Lines left out since the last one that was written.
        let leftOut = Atomic(0)
    }

    private let logger: Logger
    private let eventLoop: (any EventLoop)?
    private let lines: [Kind: Line]

    /// - Parameters:
    ///   - logger: Writes the lines.
    ///   - eventLoop: Gives the time, and writes the count of what was left out. Nil where no loop is known beforehand:
    ///     then each line names one.
    package init(_ logger: Logger, eventLoop: (any EventLoop)? = nil) {
        self.logger = logger
        self.eventLoop = eventLoop
        lines = Dictionary(Kind.allCases.map { ($0, Line()) }, uniquingKeysWith: { first, _ in first })
    }

    /// Writes a line, or counts it.
    ///
    /// - Parameters:
    ///   - eventLoop: Takes the place of the one the logger was made with. Without either, the count of what was left out
    ///     waits for the next line.
    ///   - metadata: Asked for only when the line is written.
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
                return write(kind, level, metadata(), leftOut: line.leftOut.exchange(0, ordering: .relaxed))
            }
        } else if line.written.load(ordering: .relaxed) < kind.burst,
            line.written.wrappingAdd(1, ordering: .relaxed).oldValue < kind.burst
        {
            return write(kind, level, metadata(), leftOut: 0)
        }
        guard line.leftOut.wrappingAdd(1, ordering: .relaxed).oldValue == 0, let eventLoop else { return }
        // While the flood lasts the next line tells the count, and what the latest cause was besides.
        let deadline = NIODeadline.uptimeNanoseconds(line.end.load(ordering: .relaxed)) + .milliseconds(100)
        _ = eventLoop.scheduleTask(deadline: deadline) { self.summarise(kind, level, line, now: eventLoop.now) }
    }

    /// Nothing of this kind has been written since the interval ended: the count must not wait any longer.
    private func summarise(_ kind: Kind, _ level: Logger.Level, _ line: Line, now: NIODeadline) {
        let now = now.uptimeNanoseconds
        let end = line.end.load(ordering: .relaxed)
        // In a later interval another task looks after what that one leaves out.
        guard now >= end,
            line.end.compareExchange(
                expected: end, desired: now &+ UInt64(clamping: kind.interval.nanoseconds), ordering: .relaxed
            ).exchanged
        else { return }
        line.written.store(1, ordering: .relaxed)
        let count = line.leftOut.exchange(0, ordering: .relaxed)
        if count > 0 { write(kind, level, [:], leftOut: count) }
    }

    private func write(_ kind: Kind, _ level: Logger.Level, _ metadata: Logger.Metadata, leftOut: Int) {
        var metadata = metadata
        if leftOut > 0 { metadata["leftOut"] = "\(leftOut)" }
        logger.log(level: level, "\(kind.rawValue)", metadata: metadata)
    }
}
