// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import SocketIOCore

/// Sends events to one socket no faster than its client reads them; made with ``Socket/suspending``. A value, usable
/// any number of times.
///
/// ```swift
/// for try await line in file.lines { try await socket.suspending.emit("line", line) }
/// ```
///
/// A call waits while more than ``EngineConfiguration/slowClientBytes`` are queued for the client, and then sends; earlier calls go
/// first. When the client reads nothing for ``EngineConfiguration/slowClientTimeout``, its policy is applied, so no call waits for
/// ever.
public struct SuspendingEmitter: Sendable {
    let socket: Socket
    private let flags: EmitFlags

    init(_ socket: Socket, _ flags: EmitFlags) {
        self.socket = socket
        self.flags = flags
    }

    /// Sends an event when the client's queue has room for it.
    ///
    /// - Throws: ``SocketError`` with code `disconnected` when the client has disconnected or does so while the call
    ///   waits, or `reservedEventName`; `CancellationError`; `EncodingError`. Nothing was sent then.
    public func emit<each Argument: Encodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument
    ) async throws {
        try await send(event, .event(event, headroom: socket.namespace.headroom, repeat each arguments))
    }

    /// The same with arguments that were received.
    public func emit(_ event: String, arguments: EventArguments) async throws {
        try await send(event, .relay(event, headroom: socket.namespace.headroom, arguments))
    }

    func send(_ event: String, _ arguments: EncodedArguments) async throws {
        let (socket, flags) = (socket, flags)
        let wait = RoomWait()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                wait.begin(continuation)
                socket.core.run { core in
                    core.client.session.whenRoom { hasRoom in
                        // A call that was cancelled sends nothing.
                        guard wait.isWaiting else { return }
                        guard hasRoom, !core.isGone else { return wait.end(.failure(SocketError.disconnected)) }
                        var arguments = arguments
                        core.send(event, &arguments, flags, id: nil)
                        wait.end(.success(()))
                    }
                }
            }
        } onCancel: {
            wait.end(.failure(CancellationError()))
        }
    }
}

/// Sends events to many sockets no faster than the slowest of those connected to this server reads them; made with
/// ``BroadcastOperator/suspending``.
///
/// A call waits until no recipient has more than ``EngineConfiguration/slowClientBytes`` queued, and then sends. It
/// does not wait for clients of other servers.
public struct SuspendingBroadcast: Sendable {
    let operation: BroadcastOperator

    init(_ operation: BroadcastOperator) {
        self.operation = operation
    }

    /// Sends an event when the queues of all recipients have room for it.
    ///
    /// - Throws: `CancellationError`, when the task was cancelled while the call waited; nothing was sent then. A reserved
    ///   name, or an argument that cannot be encoded, is logged as by ``BroadcastOperator/emit(_:_:)``.
    public func emit<each Argument: Encodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument
    ) async throws {
        try await operation.waitForRoom()
        operation.emit(event, repeat each arguments)
    }

    /// The same with arguments that were received.
    public func emit(_ event: String, arguments: EventArguments) async throws {
        try await operation.waitForRoom()
        operation.emit(event, arguments: arguments)
    }
}

extension BroadcastOperator {
    func waitForRoom() async throws {
        for namespace in namespaces {
            for shard in namespace.local.shards where shard.socketCount > 0 {
                let wait = RoomWait()
                let options = options
                try await withTaskCancellationHandler {
                    try await withCheckedThrowingContinuation { continuation in
                        wait.begin(continuation)
                        shard.run { $0.whenRoom(options) { wait.end(.success(())) } }
                    }
                } onCancel: {
                    wait.end(.failure(CancellationError()))
                }
            }
        }
    }
}

extension NamespaceShardCore {
    /// Calls back when every recipient's queue has room or the recipient has disconnected. On the loop.
    func whenRoom(_ options: BroadcastOptions, _ done: @escaping () -> Void) {
        let countdown = Countdown(done)
        forEach(options) { socket in
            countdown.add()
            socket.client.session.whenRoom { _ in countdown.finish() }
        }
        countdown.finish()
    }
}

/// Calls back when all added items, and the initial one, have finished. Confined to an event loop.
private final class Countdown {
    private var missing = 1
    private let done: () -> Void

    init(_ done: @escaping () -> Void) {
        self.done = done
    }

    func add() { missing += 1 }

    func finish() {
        missing -= 1
        if missing == 0 { done() }
    }
}

/// A task that waits for room and may be cancelled at any time. May be used from any thread; the first outcome counts.
private final class RoomWait: Sendable {
    private enum State {
        case idle
        case waiting(CheckedContinuation<Void, any Error>)
        case over
        case overBeforeBegin(Result<Void, any Error>)
    }

    private let state = NIOLockedValueBox(State.idle)

    var isWaiting: Bool {
        state.withLockedValue { if case .waiting = $0 { true } else { false } }
    }

    func begin(_ continuation: CheckedContinuation<Void, any Error>) {
        let early = state.withLockedValue { state -> Result<Void, any Error>? in
            if case .overBeforeBegin(let result) = state {
                state = .over
                return result
            }
            state = .waiting(continuation)
            return nil
        }
        if let early { continuation.resume(with: early) }
    }

    func end(_ result: Result<Void, any Error>) {
        let waiting = state.withLockedValue { state -> CheckedContinuation<Void, any Error>? in
            switch state {
            case .idle:
                state = .overBeforeBegin(result)
                return nil
            case .waiting(let continuation):
                state = .over
                return continuation
            case .over, .overBeforeBegin:
                return nil
            }
        }
        waiting?.resume(with: result)
    }
}
