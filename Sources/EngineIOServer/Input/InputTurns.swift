// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// A transport with input that has been read and waits to be looked at.
protocol InputSource: AnyObject {
    /// Looks at one slice of it. On the session's loop.
    func continueInput()
}

/// Lets the clients of an event loop have their turns, when one has sent more than a slice (``InputSlice``).
///
/// Between two turns the loop looks at all its sockets: that needs a deadline in the future, since NIO runs everything that is
/// due, however often it comes again, before it asks the selector. Confined to its loop.
final class InputTurns {
    /// From the end of a turn to the next one.
    static let pause = TimeAmount.microseconds(50)
    /// How long one turn of all sources may take; those that are left come first in the next.
    static let budget = TimeAmount.milliseconds(2)
    /// Bytes that may be kept of input that nobody asked for, for all clients of the loop together: NIO reads what is left
    /// of a stream that has ended in one go.
    static let unaskedLimit = 64 * 1024 * 1024

    private let eventLoop: any EventLoop
    private var waiting: [any InputSource] = []
    private var isScheduled = false
    /// Bytes kept that nobody asked for.
    private var unasked = 0

    init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// How many sources wait for their turn.
    var count: Int { waiting.count }

    /// The source has its turn after those that wait already. To be added once for each turn.
    func add(_ source: any InputSource) {
        eventLoop.assertInEventLoop()
        waiting.append(source)
        schedule()
    }

    private func schedule() {
        guard !isScheduled else { return }
        isScheduled = true
        let turns = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: Self.pause) { turns.value.run() }
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

    /// Asks for room for bytes that nobody asked for. False when there is none.
    func reserve(_ bytes: Int) -> Bool {
        guard bytes <= Self.unaskedLimit - unasked else { return false }
        unasked += bytes
        return true
    }

    /// Gives room back.
    func release(_ bytes: Int) { unasked -= bytes }
}
