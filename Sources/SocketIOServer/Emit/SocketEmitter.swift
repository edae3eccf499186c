// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOCore

/// Sends events to one socket in a certain way; made with ``Socket/volatile``, ``Socket/timeout(_:)``,
/// ``Socket/compress(_:)`` and ``Socket/coalescing(_:)``. A value, usable any number of times.
public struct SocketEmitter: Sendable {
    let socket: Socket
    private(set) var flags = EmitFlags()

    init(_ socket: Socket) {
        self.socket = socket
    }

    /// Drops events when the client's transport is not ready for them at the moment of sending.
    public var volatile: SocketEmitter { with { $0.isVolatile = true } }

    /// Sets whether transports may compress the events; default true.
    public func compress(_ compress: Bool) -> SocketEmitter { with { $0.compress = compress } }

    /// Replaces an earlier event with the same key that is still queued for the client. A slow client then receives
    /// only the newest event, at the position of the newest. Keys belong to the namespace and are compared by their
    /// bytes.
    public func coalescing(_ key: String) -> SocketEmitter { with { $0.coalescingKey = CoalescingKey(key) } }

    /// Waits before each event until the client's queue has room for it.
    public var suspending: SuspendingEmitter { SuspendingEmitter(socket, flags) }

    /// Sets how long to wait for acknowledgements; default ``ServerConfiguration/acknowledgementTimeout``.
    public func timeout(_ timeout: Duration) -> SocketEmitter { with { $0.timeout = TimeAmount(timeout) } }

    private func with(_ change: (inout EmitFlags) -> Void) -> SocketEmitter {
        var copy = self
        change(&copy.flags)
        return copy
    }

    // MARK: Others

    /// All sockets of the namespace except this one, with the same flags.
    public var broadcast: BroadcastOperator {
        var others = BroadcastFlags(
            isVolatile: flags.isVolatile, compress: flags.compress,
            timeout: flags.timeout.map { Duration($0) })
        others.coalescingKey = flags.coalescingKey
        return BroadcastOperator(
            .namespace(socket.namespace), BroadcastOptions(except: [socket.id], flags: others))
    }

    /// The sockets in at least one of these rooms, except this socket, with the same flags.
    public func to(_ rooms: String...) -> BroadcastOperator { broadcast.to(rooms) }

    // MARK: Sending

    /// Sends an event, see ``Socket/emit(_:_:)``.
    public func emit<each Argument: Encodable & Sendable>(_ event: String, _ arguments: repeat each Argument) {
        if flags.compress, flags.coalescingKey == nil,
            socket.emitInPlace(event, isVolatile: flags.isVolatile, repeat each arguments)
        {
            return
        }
        socket.emit(event, flags) { try .event(event, headroom: $0, repeat each arguments) }
    }

    /// Sends an event with arguments that were received; their bytes are copied unchanged.
    public func emit(_ event: String, arguments: EventArguments) {
        socket.emit(event, flags) { try .relay(event, headroom: $0, arguments) }
    }

    /// Sends an event and waits for the acknowledgement, see ``Socket/emitWithAck(_:_:as:)``.
    public func emitWithAck<each Argument: Encodable & Sendable, Answer: Decodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument, as type: Answer.Type
    ) async throws -> Answer {
        try await acknowledgement(event, try .event(event, headroom: socket.namespace.headroom, repeat each arguments))
            .decode(type)
    }

    /// As the typed form; returns all arguments of the acknowledgement without decoding them.
    public func emitWithAck<each Argument: Encodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument
    ) async throws -> EventArguments {
        try await acknowledgement(event, try .event(event, headroom: socket.namespace.headroom, repeat each arguments))
    }

    /// The callback form of ``emitWithAck(_:_:)``; `ack` is called once, on the socket's event loop.
    public func emit<each Argument: Encodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument,
        ack: @escaping @Sendable (Result<EventArguments, any Error>) -> Void
    ) {
        request(event, ack) { try .event(event, headroom: $0, repeat each arguments) }
    }

    func request(
        _ event: String, _ ack: @escaping @Sendable (Result<EventArguments, any Error>) -> Void,
        encode: (_ headroom: Int) throws -> EncodedArguments
    ) {
        do {
            let arguments = try encode(socket.namespace.headroom)
            let flags = flags
            socket.core.run { _ = $0.request(event, arguments, flags, ack) }
        } catch {
            ack(.failure(error))
        }
    }

    func acknowledgement(_ event: String, _ arguments: EncodedArguments) async throws -> EventArguments {
        let (socket, flags) = (socket, flags)
        let wait = AcknowledgementWait()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                wait.begin(continuation)
                socket.core.run { core in
                    guard !wait.isOver else { return }
                    if let id = core.request(event, arguments, flags, { wait.end($0) }) { wait.asked(id) }
                }
            }
        } onCancel: {
            wait.end(.failure(CancellationError()))
            socket.core.run { core in
                if let id = wait.id { core.forget(acknowledgement: id) }
            }
        }
    }
}

/// A task waiting for an acknowledgement, which may be cancelled at any moment. From any thread.
private final class AcknowledgementWait: Sendable {
    typealias Continuation = CheckedContinuation<EventArguments, any Error>

    private enum State {
        case idle
        case waiting(Continuation)
        case over
        case overBeforeBegin(Result<EventArguments, any Error>)
    }

    private let asked = NIOLockedValueBox<Int?>(nil)
    private let state = NIOLockedValueBox(State.idle)

    /// Under which number the socket waits; nil until it does.
    var id: Int? { asked.withLockedValue { $0 } }

    func asked(_ id: Int) { asked.withLockedValue { $0 = id } }

    var isOver: Bool {
        state.withLockedValue { if case .waiting = $0 { false } else { true } }
    }

    func begin(_ continuation: Continuation) {
        let early = state.withLockedValue { state -> Result<EventArguments, any Error>? in
            if case .overBeforeBegin(let result) = state {
                state = .over
                return result
            }
            state = .waiting(continuation)
            return nil
        }
        if let early { continuation.resume(with: early) }
    }

    func end(_ result: Result<EventArguments, any Error>) {
        let waiting = state.withLockedValue { state -> Continuation? in
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
