// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers

/// What other threads want to publish, until the event loop takes it, in the order of the calls. From any thread.
final class PublishInbox: Sendable {
    private let messages = NIOLockedValueBox<[PublishMessage]>([])

    /// Storage that is kept for the next time.
    private static let keptCapacity = 4096

    /// Returns whether the event loop has to be told: it has taken everything before.
    func append(_ message: PublishMessage) -> Bool {
        messages.withLockedValue { messages in
            messages.append(message)
            return messages.count == 1
        }
    }

    func take() -> [PublishMessage] {
        messages.withLockedValue { messages in
            defer { messages.removeAll(keepingCapacity: messages.count <= Self.keptCapacity) }
            return messages
        }
    }
}
