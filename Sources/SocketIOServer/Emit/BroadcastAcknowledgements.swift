// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOCore

/// A broadcast was not acknowledged by everyone it reached.
public struct BroadcastAckError: Error, Sendable, CustomStringConvertible {
    /// `operation has timed out`, or `socket has been disconnected` when nobody was left to wait for.
    public let message: String
    /// The acknowledgements that did arrive, in the order of arrival.
    public let responses: [EventArguments]
    /// Ids of sockets known to have disconnected without an answer.
    public let missing: [String]

    /// The failure in words.
    public var description: String { "\(message) (\(responses.count) answered)" }

    /// The first argument of each acknowledgement that did arrive.
    public func responses<Answer: Decodable>(as type: Answer.Type) throws -> [Answer] {
        try responses.map { try $0.decode(type) }
    }
}

/// Collects the acknowledgements of one broadcast (protocol 4.7) and ends it once.
final class BroadcastAcknowledgements: BroadcastAckReceiver {
    typealias Done = @Sendable (Result<[EventArguments], any Error>) -> Void

    private enum State {
        case counting(BroadcastAckCounter<EventArguments>, Done, timer: Scheduled<Void>?)
        case finished
    }

    let timeout: TimeAmount
    private let expectsSingle: Bool
    private let metrics: ServerMetrics
    private let state: NIOLockedValueBox<State>

    private init(servers: Int, timeout: TimeAmount, expectsSingle: Bool, metrics: ServerMetrics, done: @escaping Done) {
        self.timeout = timeout
        self.expectsSingle = expectsSingle
        self.metrics = metrics
        self.state = NIOLockedValueBox(.counting(BroadcastAckCounter(expectedServers: servers), done, timer: nil))
    }

    /// Sends the packet and calls `done` once: when everybody has answered, or at the time-out.
    static func collect(
        _ packet: BroadcastPacket, options: BroadcastOptions, timeout: TimeAmount, namespace: Namespace,
        expectsSingle: Bool, _ done: @escaping Done
    ) {
        let context = namespace.context
        @Sendable
        func start(servers: Int) {
            let collector = BroadcastAcknowledgements(
                servers: servers, timeout: timeout, expectsSingle: expectsSingle, metrics: context.metrics, done: done)
            collector.arm(on: context.shards[0].eventLoop)
            namespace.adapter.broadcastWithAck(packet, options: options, receiver: collector)
        }
        // The event leaves within this call unless the number of servers has to be asked for.
        if options.flags.isLocal || namespace.adapter === namespace.local { return start(servers: 1) }
        Task {
            do {
                start(servers: try await namespace.adapter.serverCount())
            } catch {
                done(.failure(error))
            }
        }
    }

    private func arm(on eventLoop: any EventLoop) {
        let timer = eventLoop.scheduleTask(in: timeout) { self.timedOut() }
        state.withLockedValue { state in
            guard case .counting(let counter, let done, _) = state else { return }
            state = .counting(counter, done, timer: timer)
        }
    }

    // MARK: BroadcastAckReceiver

    func reached(clients: Int) {
        advance { $0.serverReported(clients: clients) }
    }

    func acknowledged(_ arguments: EventArguments, socketID: String?) {
        let expectsSingle = expectsSingle
        advance { counter in
            let result = counter.responded(arguments)
            return result ?? (expectsSingle ? counter.timedOut() : nil)
        }
    }

    func disconnected(socketID: String) {
        advance { $0.disconnected(socketID: socketID) }
    }

    private func timedOut() {
        advance(isTimeout: true) { $0.timedOut() }
    }

    private func advance(
        isTimeout: Bool = false,
        _ change: (inout BroadcastAckCounter<EventArguments>) -> BroadcastAckCounter<EventArguments>.Result?
    ) {
        let ended = state.withLockedValue {
            state -> (BroadcastAckCounter<EventArguments>.Result, Done, Scheduled<Void>?)? in
            guard case .counting(var counter, let done, let timer) = state else { return nil }
            state = .finished
            if let result = change(&counter) { return (result, done, timer) }
            state = .counting(counter, done, timer: timer)
            return nil
        }
        guard let (result, done, timer) = ended else { return }
        timer?.cancel()
        if isTimeout { metrics.acknowledgementsTimedOut.increment() }
        let isSuccess = result.isComplete || (expectsSingle && !result.responses.isEmpty)
        guard !isSuccess else { return done(.success(result.responses)) }
        let error = BroadcastAckError(
            message: (isTimeout ? SocketError.timeout : SocketError.disconnected).message,
            responses: result.responses, missing: result.missing)
        done(.failure(error))
    }
}
