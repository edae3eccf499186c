// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOConcurrencyHelpers
internal import NIOCore

@testable internal import EngineIOServer

/// What the handlers of a server were given, in order and when. A message `hold <ms>` pauses its session for so long.
final class InputProbe: Sendable {
    struct Entry: Sendable, Equatable {
        let text: String
        let time: NIODeadline
    }

    private struct State {
        var entries: [Entry] = []
        var heldUntil: NIODeadline?
    }

    private let state = NIOLockedValueBox(State())
    /// How long a handler takes.
    private let cost: TimeAmount
    /// The message whose handler blocks the loop until ``letGo()``.
    private let blocking: String?
    private let gate = ConditionLock(value: false)

    init(cost: TimeAmount = .zero, blocking: String? = nil) {
        self.cost = cost
        self.blocking = blocking
    }

    func letGo() {
        gate.lock()
        gate.unlock(withValue: true)
    }

    var onMessage: @Sendable (SessionCore, EngineMessage) -> Void {
        { session, message in
            guard case .text(let bytes) = message else { return }
            self.handle(String(buffer: bytes), of: session)
        }
    }

    private func handle(_ text: String, of session: SessionCore) {
        let now = NIODeadline.now()
        state.withLockedValue { $0.entries.append(Entry(text: text, time: now)) }
        if text.hasPrefix("hold "), let length = Int64(text.dropFirst(5)) {
            let deadline = now + .milliseconds(length)
            state.withLockedValue { $0.heldUntil = deadline }
            session.holdInput(until: deadline)
        } else if text == "close" {
            session.close()
        }
        if text == blocking {
            gate.lock(whenValue: true)
            gate.unlock()
        }
        while NIODeadline.now() < now + cost {}
    }

    var entries: [Entry] { state.withLockedValue { $0.entries } }
    var texts: [String] { entries.map(\.text) }
    var count: Int { state.withLockedValue { $0.entries.count } }
    /// The end of the last pause.
    var heldUntil: NIODeadline? { state.withLockedValue { $0.heldUntil } }
    func index(of text: String) -> Int? { entries.firstIndex { $0.text == text } }
    func time(of text: String) -> NIODeadline? { entries.first { $0.text == text }?.time }

    func waitFor(_ count: Int) async throws -> [String] {
        try await eventually("\(count) messages", within: 30) { self.count >= count }
        return texts
    }
}
