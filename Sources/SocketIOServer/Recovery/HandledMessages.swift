// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOCore

/// Has a message of a client handled once, although the client may send it several times.
///
/// A client with the option `retries` (official ones from 4.6 on) sends an event again until the acknowledgement has arrived, also
/// over a new connection. If it gives each message an id of its own, this object recognises the repetitions, and answers them with
/// the answer of the first one:
///
/// ```swift
/// let handled = HandledMessages(in: io.of("/"))
/// io.onConnection { socket in
///     socket.on("order") { (id: String, order: Order) async throws -> Receipt in
///         try await handled.once(id, of: userID(socket)) { try await shop.place(order) }
///     }
/// }
/// ```
///
/// Each server remembers the messages that it has handled, in memory. With connection state recovery over Redis streams, all servers
/// share what they have handled. Make one object for a namespace, outside of the handlers. All methods may be called from any
/// thread.
public final class HandledMessages: Sendable {
    /// Limits of what is remembered.
    public struct Limits: Sendable, Hashable {
        /// How many answers are remembered on this server; with more, the oldest are forgotten. At least 1 (smaller values count as
        /// 1); default 10,000.
        public var maximumMessages = 10_000
        /// How many bytes of memory the answers, with their ids, may need on this server; with more, the oldest are forgotten. An
        /// answer that needs more alone is not remembered. Default 16 MiB.
        public var maximumBytes = 16 << 20
        /// The longest id, and the longest name of a sender, in bytes of UTF-8; default 256.
        public var maximumIDLength = 256
        /// How long an answer is remembered, here and in Redis; default 10 minutes.
        public var lifetime = Duration.seconds(600)
        /// Only where servers share what they have handled: how long one of them may take to handle a message. After that time another
        /// server that gets the message handles it again, since the first one may have died. Default 1 minute.
        public var handlingTime = Duration.seconds(60)

        /// All defaults.
        public init() {}
    }

    private struct State {
        var table: HandledMessageTable
        var waiting: [HandledMessageTable.Key: [CheckedContinuation<Void, Never>]] = [:]
    }

    private let local: MemoryAdapter
    private let limits: Limits
    private let state: NIOLockedValueBox<State>

    /// Makes an object that remembers the messages of a namespace.
    public init(in namespace: Namespace, limits: Limits = Limits()) {
        local = namespace.local
        self.limits = limits
        state = NIOLockedValueBox(
            State(
                table: HandledMessageTable(
                    maximumMessages: max(limits.maximumMessages, 1), maximumBytes: limits.maximumBytes,
                    lifetime: TimeAmount(limits.lifetime))))
    }

    /// How many messages are remembered on this server, those that are being handled included.
    public var count: Int { state.withLockedValue { $0.table.count } }

    /// Runs `body`, unless the message has been handled before, and returns its answer or that of the first time.
    ///
    /// While the message is being handled, further calls with the same id and sender wait. When `body` throws, nothing is remembered:
    /// the call throws the error, and one of the waiting calls runs its own `body`.
    ///
    /// - Parameters:
    ///   - id: The id that the client gave the message, such as a UUID.
    ///   - sender: The user or client that has made the id. Equal ids of two senders are two messages, and no sender gets the
    ///     answer to another one's message. The id of a socket will not do, since it changes with each connection.
    /// - Throws: What `body` throws. ``SocketError`` with code `invalidArguments` for an id or sender that is too long. ``SocketError``
    ///   with code `handlingUnknown` when Redis cannot be reached, or when another server does not finish handling the message in time;
    ///   `body` has not run then. `DecodingError` when the first answer had another type.
    ///
    ///   An error that a handler throws is answered with ``ServerConfiguration/errorAcknowledgement``, and a client does not send an
    ///   event again that was answered. Its default returns nil for `handlingUnknown`, so that the client sends the message again; a
    ///   closure of your own should return nil for it, too, and for other errors after which the client is to send again.
    public func once<Answer: Codable & Sendable>(
        _ id: String, of sender: String, _ body: @Sendable () async throws -> Answer
    ) async throws -> Answer {
        guard id.utf8.count <= limits.maximumIDLength, sender.utf8.count <= limits.maximumIDLength else {
            throw SocketError(
                .invalidArguments, "the id of a message has more than \(limits.maximumIDLength) bytes")
        }
        let key = HandledMessageTable.Key(sender: ExactName(sender), id: ExactName(id))
        while true {
            switch state.withLockedValue({ $0.table.begin(key, now: .now()) }) {
            case .answered(let answer): return try answer.decode()
            case .wait: await wait(for: key)
            case .handle: return try await handle(key, body)
            }
        }
    }

    private func wait(for key: HandledMessageTable.Key) async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLockedValue { state in
                guard state.table.isHandling(key) else { return true }
                state.waiting[key, default: []].append(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    private func handle<Answer: Codable & Sendable>(
        _ key: HandledMessageTable.Key, _ body: @Sendable () async throws -> Answer
    ) async throws -> Answer {
        let store = local.log?.store
        let name = "\(local.name) \(key.sender.text.utf8.count) \(key.sender.text) \(key.id.text)"
        do {
            if let answer = try await store?.claimMessage(name, for: TimeAmount(limits.handlingTime)) {
                end(key, answer)
                return try answer.decode()
            }
        } catch {
            end(key, nil)
            guard error is RecoveryFailure else { throw error }
            throw SocketError(.handlingUnknown, "it is not known whether another server has handled the message")
        }
        do {
            let answer = try await body()
            let raw = try RawJSON(encoding: answer)
            await store?.keepAnswer(raw, of: name, for: TimeAmount(limits.lifetime))
            end(key, raw)
            return answer
        } catch {
            store?.releaseMessage(name)
            end(key, nil)
            throw error
        }
    }

    /// - Parameter answer: Nil when the message has not been handled.
    private func end(_ key: HandledMessageTable.Key, _ answer: RawJSON?) {
        let waiting = state.withLockedValue { state in
            state.table.end(key, answer, now: .now())
            return state.waiting.removeValue(forKey: key) ?? []
        }
        for continuation in waiting { continuation.resume() }
    }
}
