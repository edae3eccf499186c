// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

extension RedisClusterNodes {
    /// How many subscribers channels have on all primaries together.
    ///
    /// - Parameters:
    ///   - needsAll: Whether it fails when one primary does not answer. Otherwise it fails when none does.
    package func subscriberCounts(
        of channels: [String], _ kind: RedisSubscriptionKind, needsAll: Bool,
        _ done: @escaping (Result<[Int], RedisError>) -> Void
    ) {
        guard let hosts = map?.primaries, !hosts.isEmpty else {
            return done(.failure(RedisError(.notConnected, "the slots of the Redis Cluster are not known yet")))
        }
        let sum = CountSum(channels.count, missing: hosts.count, needsAll: needsAll, done)
        for host in hosts {
            guard let client = client(of: host) else {
                sum.add(.failure(RedisError(.notConnected, "\(host) is not connected")))
                continue
            }
            client.subscriberCounts(of: channels, kind) { sum.add($0) }
        }
    }
}

/// Adds up the answers of several servers.
private final class CountSum {
    private var counts: [Int]
    private var missing: Int
    private var answered = 0
    private let needsAll: Bool
    private var failure: RedisError?
    private let done: (Result<[Int], RedisError>) -> Void

    init(
        _ count: Int, missing: Int, needsAll: Bool, _ done: @escaping (Result<[Int], RedisError>) -> Void
    ) {
        counts = Array(repeating: 0, count: count)
        self.missing = missing
        self.needsAll = needsAll
        self.done = done
    }

    func add(_ result: Result<[Int], RedisError>) {
        missing -= 1
        switch result {
        case .success(let values):
            answered += 1
            for (index, value) in values.enumerated() where counts.indices.contains(index) {
                counts[index] = counts[index].addingReportingOverflow(value).partialValue
            }
        case .failure(let error): failure = error
        }
        guard missing == 0 else { return }
        if let failure, needsAll || answered == 0 { done(.failure(failure)) } else { done(.success(counts)) }
    }
}

extension RedisClientCore {
    /// How many subscribers channels have on this server.
    package func subscriberCounts(
        of channels: [String], _ kind: RedisSubscriptionKind, _ done: @escaping (Result<[Int], RedisError>) -> Void
    ) {
        send(RESPCommand(kind.countCommand, arguments: channels)) { result in
            done(
                result.map { reply in
                    // Names and numbers take turns.
                    let values = reply.arrayValue ?? []
                    return channels.indices.map { index in
                        guard 2 * index + 1 < values.count else { return 0 }
                        return Int(truncatingIfNeeded: values[2 * index + 1].integerValue ?? 0)
                    }
                })
        }
    }
}

/// Any primary of a cluster, staying with one that works: for connections whose commands every server takes.
final class AnyPrimary: RedisAddressResolver {
    private weak var nodes: RedisClusterNodes?
    private var index = Int.random(in: 0..<1024)

    init(_ nodes: RedisClusterNodes) { self.nodes = nodes }

    func address(on eventLoop: any EventLoop) -> EventLoopFuture<Result<RedisAddress, RedisError>> {
        guard let hosts = nodes?.map?.primaries, !hosts.isEmpty else {
            let reason = nodes?.trouble ?? "the slots of the Redis Cluster are not known yet"
            return eventLoop.makeSucceededFuture(.failure(RedisError(.notConnected, reason)))
        }
        return eventLoop.makeSucceededFuture(.success(.tcp(hosts[index % hosts.count])))
    }

    func failed(_ error: RedisError) { index = (index + 1) % 1024 }

    var longestDelay: TimeAmount? { .milliseconds(100) }
    /// What a replica is told, the others hear, but its subscribers are not counted.
    var watchesRole: Bool { true }
}
