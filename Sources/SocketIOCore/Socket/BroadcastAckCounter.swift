// Part of socketio-server, MIT licence; see LICENSE.

/// Counts the answers to one broadcast that asked for acknowledgements (protocol 4.7).
///
///     counting ── every server reported, and answers + missing clients = sum of the reports ──▶ completed
///         └────── time is up ──▶ completed, with what has arrived
///
/// Reports and answers may arrive in any order, also before it is known how many servers there are; an answer can overtake the report of its own server. A server may just
/// as well be one event loop of this node. Nothing changes after completion, so late answers are ignored.
package struct BroadcastAckCounter<Response> {
    package struct Result {
        /// The first argument of each answer, in the order of arrival.
        package var responses: [Response]
        /// The ids of sockets that did not answer, as far as they are known.
        package var missing: [String]
        /// Whether every client that was reached has answered.
        package var isComplete: Bool

        package init(responses: [Response], missing: [String], isComplete: Bool) {
            self.responses = responses
            self.missing = missing
            self.isComplete = isComplete
        }
    }

    private var responses: [Response] = []
    private var missing: [String] = []
    private var lost = 0
    private var expectedServers: Int?
    private var reports = 0
    private var clients = 0
    private var isFinished = false

    /// `expectedServers` is how many reports have to arrive, this node's own included; nil until that is known.
    package init(expectedServers: Int?) {
        self.expectedServers = expectedServers.map { max(0, $0) }
    }

    /// It has become known how many reports have to arrive. Returns the result when there is nothing more to wait for.
    package mutating func expect(servers: Int) -> Result? {
        guard !isFinished, expectedServers == nil else { return nil }
        expectedServers = max(0, servers)
        return finishIfDone()
    }

    /// A server delivered the packet to `clients` clients. Returns the result when that was the last thing to wait for.
    package mutating func serverReported(clients count: Int) -> Result? {
        guard !isFinished, reports < expectedServers ?? .max else { return nil }
        reports += 1
        // Counts of other nodes come over the network: negative or absurd ones must not trap.
        let (sum, overflow) = clients.addingReportingOverflow(max(0, count))
        clients = overflow ? .max : sum
        return finishIfDone()
    }

    /// A client answered.
    package mutating func responded(_ response: Response) -> Result? {
        guard !isFinished else { return nil }
        responses.append(response)
        return finishIfDone()
    }

    /// A client that was reached has gone before answering.
    package mutating func disconnected(socketID: String) -> Result? {
        guard !isFinished else { return nil }
        missing.append(socketID)
        lost += 1
        return finishIfDone()
    }

    /// The time is up. `stillPending` names the sockets whose answers are dropped, as far as the owner knows them.
    /// Returns nil when the result has been handed out before.
    package mutating func timedOut(stillPending: [String] = []) -> Result? {
        guard !isFinished else { return nil }
        isFinished = true
        return Result(responses: responses, missing: missing + stillPending, isComplete: false)
    }

    private mutating func finishIfDone() -> Result? {
        guard let expectedServers, reports >= expectedServers, responses.count + lost >= clients else { return nil }
        isFinished = true
        return Result(responses: responses, missing: missing, isComplete: lost == 0)
    }
}

extension BroadcastAckCounter: Sendable where Response: Sendable {}
extension BroadcastAckCounter.Result: Sendable where Response: Sendable {}
extension BroadcastAckCounter.Result: Equatable where Response: Equatable {}
