// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOCore

/// A broadcast was not acknowledged by everyone it reached.
public struct BroadcastAckError: Error, Sendable, CustomStringConvertible {
    /// `operation has timed out`, or `socket has been disconnected` when nobody was left to wait for.
    public let message: String
    /// The acknowledgements that did arrive, in the order of arrival.
    public let responses: [EventArguments]
    /// Who has answered and who has not.
    public let answers: BroadcastAnswers
    /// The ids of the sockets that have not answered, as far as they are known, see ``BroadcastAnswers/missing``.
    public var missing: [String] { answers.missing }

    /// The failure in words: how many have answered, and the first sockets that have not.
    public var description: String {
        var parts = ["\(responses.count) answered"]
        let named = missing.prefix(3).joined(separator: ", ")
        let others = missing.count - min(3, missing.count) + answers.missingUnnamed
        switch (named.isEmpty, others) {
        case (true, 0): break
        case (true, _): parts.append("\(others) did not")
        case (false, 0): parts.append("\(named) did not")
        case (false, _): parts.append("\(named) and \(others) more did not")
        }
        if answers.silentServers > 0 { parts.append("servers that did not report: \(answers.silentServers)") }
        return "\(message) (\(parts.joined(separator: "; ")))"
    }

    /// The first argument of each acknowledgement that did arrive.
    public func responses<Answer: Decodable>(as type: Answer.Type) throws -> [Answer] {
        try responses.map { try $0.decode(type) }
    }
}

extension BroadcastAnswers {
    /// The acknowledgements alone.
    ///
    /// - Parameter expectsSingle: whether one is enough.
    /// - Throws: ``BroadcastAckError`` when there are not all.
    func get(expectsSingle: Bool = false) throws -> [EventArguments] {
        let responses = answers.map(\.arguments)
        guard !isComplete, !expectsSingle || responses.isEmpty else { return responses }
        throw BroadcastAckError(
            message: (isTimedOut ? SocketError.timeout : SocketError.disconnected).message, responses: responses,
            answers: self)
    }
}

/// Collects the acknowledgements of one broadcast (protocol 4.7) and ends it once.
final class BroadcastAcknowledgements: BroadcastAckReceiver {
    typealias Done = @Sendable (Result<BroadcastAnswers, any Error>) -> Void
    private typealias Counter = BroadcastAckCounter<BroadcastAnswers.Answer>

    /// What has been heard.
    private struct Progress {
        var counter: Counter
        /// How many servers there are; nil until that is known.
        var servers: Int?
        /// How many of them have told what they reached.
        var reports = 0
        var clients = 0
        /// The ids of those of them that are known, and of those that are said to have gone.
        var reached: [String] = []
        var gone: [String] = []

        mutating func serverReported(clients count: Int) -> Counter.Result? {
            reports += 1
            // An adapter of somebody else may report anything.
            let (sum, overflow) = clients.addingReportingOverflow(max(0, count))
            clients = overflow ? .max : sum
            return counter.serverReported(clients: count)
        }

        func answers(_ result: Counter.Result, isTimedOut: Bool) -> BroadcastAnswers {
            let answered = NameSet(result.responses.compactMap(\.socketID))
            var named: NameSet = []
            let missing = (reached + gone).filter { !answered.contains($0) && named.insert($0).inserted }
            let silent = servers.map { max(0, $0 - reports) } ?? 1
            let unnamed = result.isComplete ? 0 : max(0, clients - result.responses.count - missing.count)
            return BroadcastAnswers(
                answers: result.responses, missing: result.isComplete ? [] : missing, missingUnnamed: unnamed,
                silentServers: silent, isTimedOut: isTimedOut, isComplete: result.isComplete)
        }
    }

    private enum State {
        case counting(Progress, Done, timer: Scheduled<Void>?)
        case finished
    }

    let timeout: Duration
    private let expectsSingle: Bool
    private let metrics: ServerMetrics
    private let state: NIOLockedValueBox<State>

    /// - Parameter servers: How many servers there are; nil when that is not known yet.
    private init(servers: Int?, timeout: Duration, expectsSingle: Bool, metrics: ServerMetrics, done: @escaping Done) {
        self.timeout = timeout
        self.expectsSingle = expectsSingle
        self.metrics = metrics
        self.state = NIOLockedValueBox(
            .counting(
                Progress(counter: BroadcastAckCounter(expectedServers: servers), servers: servers), done, timer: nil))
    }

    /// Sends the packet within this call, so that events leave in the order of the calls. Calls `done` once: when everybody has
    /// answered, or at the time-out.
    static func collect(
        _ packet: BroadcastPacket, options: BroadcastOptions, timeout: Duration, namespace: Namespace,
        expectsSingle: Bool, _ done: @escaping Done
    ) {
        let (context, adapter) = (namespace.context, namespace.adapter)
        let isAlone = options.flags.isLocal || adapter === namespace.local
        let collector = BroadcastAcknowledgements(
            servers: isAlone ? 1 : nil, timeout: timeout, expectsSingle: expectsSingle, metrics: context.metrics,
            done: done)
        if !isAlone {
            collector.ask(adapter)
            // The adapter knows at once that it cannot reach the others.
            guard collector.isCounting else { return }
        }
        collector.arm(on: context.shards[0].eventLoop)
        adapter.broadcastWithAck(packet, options: options, receiver: collector)
    }

    /// Asks for the number of servers. What the adapter knows without waiting is known when this returns.
    private func ask(_ adapter: any Adapter) {
        Task.immediate {
            do {
                let servers = max(1, try await adapter.serverCount())
                self.advance { progress in
                    progress.servers = servers
                    return progress.counter.expect(servers: servers)
                }
            } catch {
                self.fail(error)
            }
        }
    }

    private var isCounting: Bool { state.withLockedValue { if case .counting = $0 { true } else { false } } }

    private func fail(_ error: any Error) {
        let ended = state.withLockedValue { state -> (Done, Scheduled<Void>?)? in
            guard case .counting(_, let done, let timer) = state else { return nil }
            state = .finished
            return (done, timer)
        }
        guard let (done, timer) = ended else { return }
        timer?.cancel()
        done(.failure(error))
    }

    private func arm(on eventLoop: any EventLoop) {
        let timer = eventLoop.scheduleTask(in: TimeAmount(timeout)) { self.timedOut() }
        state.withLockedValue { state in
            guard case .counting(let progress, let done, _) = state else { return }
            state = .counting(progress, done, timer: timer)
        }
    }

    // MARK: BroadcastAckReceiver

    func reached(clients: Int) {
        advance { $0.serverReported(clients: clients) }
    }

    func reached(socketIDs: [String]) {
        advance { progress in
            progress.reached += socketIDs
            return progress.serverReported(clients: socketIDs.count)
        }
    }

    func acknowledged(_ arguments: EventArguments, socketID: String?) {
        let expectsSingle = expectsSingle
        advance { progress in
            let result = progress.counter.responded(BroadcastAnswers.Answer(socketID: socketID, arguments: arguments))
            return result ?? (expectsSingle ? progress.counter.timedOut() : nil)
        }
    }

    func disconnected(socketID: String) {
        advance { progress in
            // Of a node that is lost no more than its tag may be known.
            if !socketID.isEmpty, socketID.utf8.last != "\u{2026}".utf8.last { progress.gone.append(socketID) }
            return progress.counter.disconnected(socketID: socketID)
        }
    }

    private func timedOut() {
        advance(isTimeout: true) { $0.counter.timedOut() }
    }

    private func advance(
        isTimeout: Bool = false,
        _ change: (inout Progress) -> Counter.Result?
    ) {
        let ended = state.withLockedValue { state -> (BroadcastAnswers, Done, Scheduled<Void>?)? in
            guard case .counting(var progress, let done, let timer) = state else { return nil }
            state = .finished
            if let result = change(&progress) { return (progress.answers(result, isTimedOut: isTimeout), done, timer) }
            state = .counting(progress, done, timer: timer)
            return nil
        }
        guard let (answers, done, timer) = ended else { return }
        timer?.cancel()
        if isTimeout { metrics.acknowledgementsTimedOut.increment() }
        done(.success(answers))
    }
}
