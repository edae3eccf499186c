// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Asks sentinels once for the address of the primary. Lives on one event loop.
final class SentinelRound {
    struct Answer {
        var sentinel: RedisHost
        var primary: RedisAddress
    }

    private let hosts: [RedisHost]
    private let primaryName: String
    private let configuration: RedisConfiguration
    private let tls: RedisConnector.TLS?
    private let eventLoop: any EventLoop
    private let promise: EventLoopPromise<Result<Answer, RedisError>>
    private var next = 0
    private var open: [Int: SentinelQuery] = [:]
    private var failures: [String] = []
    private var isDone = false
    private var deadline: Scheduled<Void>?

    init(
        hosts: [RedisHost], primaryName: String, configuration: RedisConfiguration, tls: RedisConnector.TLS?,
        eventLoop: any EventLoop
    ) {
        self.hosts = hosts
        self.primaryName = primaryName
        self.configuration = configuration
        self.tls = tls
        self.eventLoop = eventLoop
        promise = eventLoop.makePromise()
    }

    func start() -> EventLoopFuture<Result<Answer, RedisError>> {
        askNext()
        // What has been accepted and is not answered must not hold up the next attempt.
        deadline = eventLoop.assumeIsolated().scheduleTask(in: SentinelResolver.roundLimit) {
            guard !self.isDone else { return }
            self.failures.append("not all have answered in time")
            self.finish(.failure(self.failure))
        }
        return promise.futureResult
    }

    private func askNext() {
        guard !isDone else { return }
        guard next < hosts.count else {
            if open.isEmpty { finish(.failure(failure)) }
            return
        }
        let index = next
        next += 1
        let query = SentinelQuery(
            host: hosts[index], primaryName: primaryName, configuration: configuration, eventLoop: eventLoop
        ) { self.answered(index, $0) }
        open[index] = query
        query.start(tls: tls)
        eventLoop.assumeIsolated().scheduleTask(in: SentinelResolver.patience) {
            if self.next == index + 1 { self.askNext() }
        }
    }

    private func answered(_ index: Int, _ result: Result<RedisAddress, RedisError>) {
        guard open.removeValue(forKey: index) != nil, !isDone else { return }
        switch result {
        case .success(let address):
            finish(.success(Answer(sentinel: hosts[index], primary: address)))
        case .failure(let error):
            failures.append("\(hosts[index]): \(error.message)")
            askNext()
        }
    }

    private var failure: RedisError {
        RedisError(.sentinel, "no sentinel names the primary '\(primaryName)': \(failures.joined(separator: "; "))")
    }

    private func finish(_ result: Result<Answer, RedisError>) {
        isDone = true
        deadline?.cancel()
        let others = open.values
        open = [:]
        for query in others { query.cancel() }
        promise.succeed(result)
    }
}

/// One question to one sentinel, on a connection of its own.
final class SentinelQuery: RedisConnectionOwner {
    private let host: RedisHost
    private let primaryName: String
    private let configuration: RedisConfiguration
    private let eventLoop: any EventLoop
    private var done: ((Result<RedisAddress, RedisError>) -> Void)?
    private var connection: RedisConnection?

    init(
        host: RedisHost, primaryName: String, configuration: RedisConfiguration, eventLoop: any EventLoop,
        done: @escaping (Result<RedisAddress, RedisError>) -> Void
    ) {
        self.host = host
        self.primaryName = primaryName
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.done = done
    }

    func start(tls: RedisConnector.TLS?) {
        var settings = RedisConnectionSettings(configuration, isSubscriber: false)
        settings.handshake.pings = false
        let connection = RedisConnection(settings: settings, eventLoop: eventLoop, owner: self)
        self.connection = connection
        RedisConnector.connect(
            to: .tcp(host), tls: tls, timeout: TimeAmount(configuration.connectTimeout), connection: connection
        ).whenComplete { result in
            switch result {
            case .success:
                if self.done == nil { connection.close(.closedByOwner) }
            case .failure(let error):
                self.finish(.failure(RedisConnector.error(error, address: .tcp(self.host))))
            }
        }
    }

    func cancel() {
        finish(.failure(.closedByOwner))
    }

    func connectionReady(_ connection: RedisConnection, _ facts: RedisServerFacts) {
        connection.send(RESPCommand("SENTINEL GET-MASTER-ADDR-BY-NAME", primaryName)) { self.replied($0) }
    }

    func connectionClosed(_ connection: RedisConnection, _ reason: RedisError) {
        finish(.failure(reason))
    }

    private func replied(_ reply: Result<RESPValue, RedisError>) {
        switch reply {
        case .failure(let error):
            finish(.failure(error))
        case .success(let value):
            guard let parts = value.arrayValue, parts.count == 2, let address = parts[0].stringValue, !address.isEmpty,
                let port = parts[1].integerValue.flatMap({ Int(exactly: $0) }), (1...65_535).contains(port)
            else {
                return finish(.failure(RedisError(.sentinel, "it does not know the name")))
            }
            finish(.success(.tcp(RedisHost(host: address, port: port))))
        }
    }

    private func finish(_ result: Result<RedisAddress, RedisError>) {
        guard let done else { return }
        self.done = nil
        done(result)
        let connection = connection
        self.connection = nil
        connection?.close(.closedByOwner)
    }
}
