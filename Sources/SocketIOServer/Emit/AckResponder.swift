// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore
internal import Synchronization

/// Sends the one acknowledgement of one received event.
///
/// `@unchecked Sendable`: one caller claims the answer with an atomic step, and only that caller uses the members that change, until
/// the object serves the next event. The object does so only on the event loop, after the event was answered there, and when no
/// other reference to it is left. Callers that had a reference before can only have failed to claim the answer, for which they read
/// nothing but the atomic.
final class AckResponder: @unchecked Sendable {
    enum Target: Sendable {
        /// A client's event.
        case socket(Socket, id: Int)
        /// An event of another server.
        case server(@Sendable (Result<EventArguments, any Error>) -> Void)
        /// The answer has been sent.
        case none
    }

    // Values that call nothing back: overlapping access is not checked for.
    @exclusivity(unchecked)
    private var target: Target
    /// It was the event loop that answered, within the call.
    @exclusivity(unchecked)
    private var isAnsweredInPlace = false
    private let isAnswered = Atomic(false)

    init(_ target: Target) {
        self.target = target
    }

    /// Answers, unless that has been done.
    func respond<each Value: Encodable>(_ values: repeat each Value) {
        switch claim() {
        case .socket(let socket, let id):
            if socket.acknowledgeInPlace(id: id, repeat each values) { return isAnsweredInPlace = true }
            Self.deliver(to: socket, id: id) { try .acknowledgement(headroom: $0, repeat each values) }
        case .server(let answer):
            answer(Result { try EncodedArguments.acknowledgement(repeat each values).received(offset: 0) })
        case .none:
            return
        }
    }

    /// Answers with any number of values, unless that has been done.
    func respond(list values: [SocketValue]) {
        switch claim() {
        case .socket(let socket, let id):
            Self.deliver(to: socket, id: id) { try .acknowledgement(headroom: $0, list: values) }
        case .server(let answer):
            answer(Result { try EncodedArguments.acknowledgement(list: values).received(offset: 0) })
        case .none:
            return
        }
    }

    /// Answers with arguments that were received, unless that has been done.
    func respond(relaying arguments: EventArguments) {
        switch claim() {
        case .socket(let socket, let id):
            if socket.acknowledgeInPlace(id: id, relaying: arguments) { return isAnsweredInPlace = true }
            Self.deliver(to: socket, id: id) { try .relay(headroom: $0, arguments) }
        case .server(let answer):
            answer(Result { try EncodedArguments.relay(arguments).received(offset: 0) })
        case .none:
            return
        }
    }

    /// Takes the target, which only the first gets.
    private func claim() -> Target {
        let (isFirst, _) = isAnswered.compareExchange(
            expected: false, desired: true, ordering: .acquiringAndReleasing)
        return isFirst ? exchange(&target, with: .none) : .none
    }

    private static func deliver(
        to socket: Socket, id: Int, _ encode: (_ headroom: Int) throws -> EncodedArguments
    ) {
        do {
            socket.acknowledge(id: id, try encode(socket.namespace.headroom))
        } catch {
            socket.report(error, event: nil)
        }
    }

    // MARK: For the next event

    /// Whether the object may serve another event once no other reference to it is left: the event was answered on the event loop.
    var isSpent: Bool { isAnswered.load(ordering: .acquiring) && isAnsweredInPlace }

    /// Serves another event of a client.
    func reset(for socket: Socket, id: Int) {
        target = .socket(socket, id: id)
        isAnsweredInPlace = false
        isAnswered.store(false, ordering: .releasing)
    }
}

/// Keeps a responder of an event loop for the next event. Most responders are no longer needed when the handler returns, and an event
/// then costs no allocation. Confined to the loop.
final class ResponderPool {
    @exclusivity(unchecked)
    private var spare: AckResponder?

    /// Returns a responder for a client's event.
    func take(_ socket: Socket, id: Int) -> AckResponder {
        guard let responder = exchange(&spare, with: nil) else { return AckResponder(.socket(socket, id: id)) }
        responder.reset(for: socket, id: id)
        return responder
    }

    /// Keeps the responder, if it is spent and no other reference to it is left.
    func put(_ responder: inout AckResponder?) {
        if responder?.isSpent ?? false, isKnownUniquelyReferenced(&responder) { swap(&spare, &responder) }
    }
}
