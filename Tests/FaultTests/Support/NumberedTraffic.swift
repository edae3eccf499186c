// Part of socketio-server, MIT licence; see LICENSE.

import ClusterTesting
import NIOConcurrencyHelpers
import NIOCore
import SocketIORedis
import SocketIOServer
import SocketIOTesting
import Testing

/// Messages numbered from 0 from several nodes to a room with a client on each node: who got which of whose, and when.
struct NumberedTraffic {
    /// What a client got of one node's messages.
    struct Received: Sendable {
        var numbers: [Int] = []
        var times: [ContinuousClock.Instant] = []
        /// When each number was sent.
        var sent: [ContinuousClock.Instant] = []

        func lost(of count: Int) -> [Int] { Array(Set(0..<count).subtracting(numbers)).sorted() }
        var isInOrder: Bool { zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 } }
        var isDoubled: Bool { Set(numbers).count != numbers.count }
        var longestGap: Duration { zip(times, times.dropFirst()).map { $1 - $0 }.max() ?? .zero }

        /// The time from a moment to the first message after it.
        func recovery(from moment: ContinuousClock.Instant) -> Duration? {
            times.first { $0 > moment }.map { $0 - moment }
        }

        /// The time that three quarters of the messages with these numbers exceeded.
        func usualDelay(_ numbers: (Int) -> Bool) -> Duration {
            let delays = zip(self.numbers, times).filter { numbers($0.0) && $0.0 < sent.count }
                .map { $0.1 - sent[$0.0] }.sorted()
            return delays.isEmpty ? .zero : delays[delays.count / 4]
        }

        /// Messages sent during a fault take no longer than those before and after it. Compared is the quarter that was
        /// quickest: another test that keeps a thread for a second delays half of the messages of a fault.
        func expectUndelayed(
            during fault: Range<Int>, by limit: Duration, _ what: String, _ location: SourceLocation = #_sourceLocation
        ) {
            let (during, otherwise) = (usualDelay(fault.contains), usualDelay { !fault.contains($0) })
            print("\(what): \(during) during the fault, \(otherwise) without")
            #expect(during < otherwise + limit, "\(what)", sourceLocation: location)
        }

        func expectPerfect(_ count: Int, _ what: Comment, _ location: SourceLocation = #_sourceLocation) {
            #expect(lost(of: count).isEmpty, what, sourceLocation: location)
            expectOrder(what, location)
        }

        func expectOrder(_ what: Comment, _ location: SourceLocation = #_sourceLocation) {
            #expect(!isDoubled, what, sourceLocation: location)
            #expect(isInOrder, what, sourceLocation: location)
        }
    }

    var count = 200
    var interval = Duration.milliseconds(5)
    /// Nodes that send; all by default.
    var senders: [Int]?
    /// Goes with every message.
    var ballast = ""
    /// How long all may take to hear everybody's end.
    var patience = Duration.seconds(60)
    /// Each number is sent when the one before has reached everybody: for links that may be slower than the machine sends.
    var isPaced = false

    /// Runs `fault` after each number; returns what the client of a node (first) got of a node (second).
    func run(
        _ nodes: [NodeUnderTest], _ fault: @Sendable (Int) async throws -> Void
    ) async throws -> [[Received]] {
        let senders = senders ?? Array(nodes.indices)
        let ballast = ballast
        let deliveries = NIOLockedValueBox(0)
        var clients: [TestSocket] = []
        for node in nodes { clients.append(try await node.client(["room"])) }
        return try await withThrowingTaskGroup(of: (Int, [Received]).self) { group in
            for (index, client) in clients.enumerated() {
                group.addTask {
                    (index, try await receive(client, nodes: nodes.count, senders: senders, deliveries))
                }
            }
            var sent: [ContinuousClock.Instant] = []
            for number in 0..<count {
                sent.append(.now)
                for sender in senders { nodes[sender].io.to("room").emit("n", sender, number, ballast) }
                try await fault(number)
                if isPaced {
                    try await eventually("number \(number) is everywhere", within: patience) {
                        deliveries.withLockedValue { $0 } >= (number + 1) * senders.count * nodes.count
                    }
                }
                try await Task.sleep(for: interval)
            }
            // The end is repeated: what is sent during an outage may be lost.
            let ending = Task {
                while !Task.isCancelled {
                    for sender in senders { nodes[sender].io.to("room").emit("n", sender, -1) }
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
            defer { ending.cancel() }
            var all = Array(repeating: [Received](), count: nodes.count)
            for try await (index, received) in group {
                all[index] = received.map { received in
                    var received = received
                    received.sent = sent
                    return received
                }
            }
            return all
        }
    }

    private func receive(
        _ socket: TestSocket, nodes: Int, senders: [Int], _ deliveries: NIOLockedValueBox<Int>
    ) async throws -> [Received] {
        var received = Array(repeating: Received(), count: nodes)
        var open = Set(senders)
        while !open.isEmpty {
            let event = try await socket.events.next(within: patience)
            guard event.arguments.count >= 2, case .number(let sender) = event.arguments[0],
                case .number(let number) = event.arguments[1]
            else { continue }
            if number < 0 {
                open.remove(Int(sender))
            } else if open.contains(Int(sender)) {
                received[Int(sender)].numbers.append(Int(number))
                received[Int(sender)].times.append(.now)
                deliveries.withLockedValue { $0 += 1 }
            }
        }
        return received
    }
}
