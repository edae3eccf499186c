// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import SocketIOServer

/// Handles the messages of clients that send them again and again.
final class HandledOnce: Sendable {
    private let messages: HandledMessages
    private let namespace: Namespace
    private let name: String
    private let count = NIOLockedValueBox(0)

    init(in namespace: Namespace, name: String) {
        var limits = HandledMessages.Limits()
        // Tests kill a node that handles a message.
        limits.handlingTime = .seconds(3)
        messages = HandledMessages(in: namespace, limits: limits)
        self.namespace = namespace
        self.name = name
    }

    /// Tells the room `handled`, and answers with the node and the number of messages that it has handled.
    func handle(_ id: String, of sender: String, for time: Duration) async throws -> [SocketValue] {
        try await messages.once(id, of: sender) { [self] in
            try await Task.sleep(for: time)
            namespace.to("handled").emit("handled", id, name)
            return [
                .string(name),
                .int(
                    count.withLockedValue { count in
                        count += 1
                        return Int64(count)
                    }),
            ]
        }
    }
}
