// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// A transport with input that has been read but not handled yet.
protocol InputSource: AnyObject {
    /// Handles one slice of the input. On the session's loop.
    func continueInput()
}

/// Serves clients of an event loop in turns when one of them has sent more than a slice (``InputSlice``).
///
/// Between two turns the loop polls all its sockets. That needs a deadline in the future, because NIO runs all due
/// tasks, however often they reschedule themselves, before it polls the selector. Confined to its loop.
final class InputTurns {
    /// The time from the end of a turn to the next one. NIO must have looked for due tasks before it is over, which takes NIO
    /// some microseconds, and some hundred when nothing is optimised.
    #if DEBUG
        static let pause = TimeAmount.milliseconds(1)
    #else
        static let pause = TimeAmount.microseconds(50)
    #endif
    /// How long one turn of all sources may take; the remaining sources come first in the next turn.
    static let budget = TimeAmount.milliseconds(2)

    private let eventLoop: any EventLoop
    private var waiting: [any InputSource] = []
    private var isScheduled = false
    /// Bytes of unrequested input that are kept now.
    private var unasked = 0

    /// How many bytes of unrequested input are kept for all clients of the loop together: NIO reads the rest of an
    /// ended stream in one go.
    private let unaskedLimit: Int

    init(eventLoop: any EventLoop, unaskedLimit: Int) {
        self.eventLoop = eventLoop
        self.unaskedLimit = unaskedLimit
    }

    /// How many sources wait for their turn.
    var count: Int { waiting.count }

    /// Queues the source for a turn after those that wait already. Must be called once for each turn.
    func add(_ source: any InputSource) {
        eventLoop.assertInEventLoop()
        waiting.append(source)
        schedule()
    }

    private func schedule() {
        guard !isScheduled else { return }
        isScheduled = true
        eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { self.run() }
    }

    private func run() {
        isScheduled = false
        let sources = exchange(&waiting, with: [])
        let end = NIODeadline.now() + Self.budget
        for (index, source) in sources.enumerated() {
            guard index == 0 || .now() < end else {
                waiting = Array(sources[index...]) + waiting
                break
            }
            source.continueInput()
        }
        if !waiting.isEmpty { schedule() }
    }

    /// Reserves room for bytes of unrequested input. False when there is none.
    func reserve(_ bytes: Int) -> Bool {
        guard bytes <= unaskedLimit - unasked else { return false }
        unasked += bytes
        return true
    }

    /// Releases reserved room.
    func release(_ bytes: Int) { unasked -= bytes }
}
