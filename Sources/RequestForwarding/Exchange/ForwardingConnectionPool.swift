// Part of socketio-server, MIT licence; see LICENSE.

internal import HTTPServerCore
internal import LoopConfinement
internal import NIOCore
internal import NIOHTTP1

/// The connections of one event loop to other nodes: kept between requests, and bounded.
///
/// Lives on its event loop.
final class ForwardingConnectionPool: LoopResident {
    /// A request under way, which can be abandoned.
    final class Request {
        fileprivate let head: HTTPRequestHead
        fileprivate let body: ByteBuffer?
        fileprivate let deadline: NIODeadline
        fileprivate var done: ForwardingConnection.Done?
        fileprivate var connection: ForwardingConnection?
        fileprivate let breaksOff: Bool

        fileprivate init(
            _ head: HTTPRequestHead, _ body: ByteBuffer?, deadline: NIODeadline, breaksOff: Bool,
            _ done: @escaping ForwardingConnection.Done
        ) {
            self.head = head
            self.body = body
            self.deadline = deadline
            self.breaksOff = breaksOff
            self.done = done
        }

        /// The client has gone: so does this request, and its node notices.
        func abandon() {
            guard done != nil else { return }
            finish(nil)
            connection?.close()
            connection = nil
        }

        fileprivate func finish(_ result: Result<HTTPServerResponse, ForwardingFailure>?) {
            let done = done
            self.done = nil
            if let result { done?(result) }
        }
    }

    private struct Owner {
        var idle: [ForwardingConnection] = []
        /// Requests with a connection, or waiting for one to be made.
        var underWay = 0
    }

    /// Shorter than the other side keeps a connection, so that it is not the one that closes it.
    static let restingTime = TimeAmount.seconds(20)
    private static let maximumIdle = 256

    let home: PlainHome
    var eventLoop: any EventLoop { home.eventLoop }
    private let configuration: ForwardingConfiguration
    private var owners: [ForwardingAddress: Owner] = [:]
    private var isClosed = false
    /// Polls that other nodes hold for clients of this one, and how to have them released.
    private var polls: [ObjectIdentifier: () -> Void] = [:]
    /// WebSockets carried by this loop.
    private var tunnels: [ObjectIdentifier: Tunnel] = [:]

    init(eventLoop: any EventLoop, configuration: ForwardingConfiguration) {
        self.home = PlainHome(eventLoop)
        self.configuration = configuration
    }

    /// Sends a request to another node.
    ///
    /// - Parameter breaksOff: whether the body that the head announces will never come.
    @discardableResult
    func send(
        _ head: HTTPRequestHead, _ body: ByteBuffer?, to address: ForwardingAddress, within time: TimeAmount,
        breaksOff: Bool = false, _ done: @escaping ForwardingConnection.Done
    ) -> Request? {
        var owner = owners[address] ?? Owner()
        guard !isClosed, owner.underWay < configuration.maxRequestsPerOwner else {
            done(.failure(isClosed ? .broken : .overloaded))
            return nil
        }
        owner.underWay += 1
        var connection: ForwardingConnection?
        while connection == nil, let idle = owner.idle.popLast() {
            guard idle.isUsable else { continue }
            idle.isResting = false
            connection = idle
        }
        owners[address] = owner
        let request = Request(head, body, deadline: eventLoop.now + time, breaksOff: breaksOff, done)
        if let connection {
            start(request, on: connection)
        } else {
            connect(request, to: address)
        }
        return request
    }

    private func connect(_ request: Request, to address: ForwardingAddress) {
        let maximumAnswer = configuration.maxAnswerSize
        let bound = NIOLoopBound(request, eventLoop: eventLoop)
        let lane = LoopReference(self)
        ForwardingConnector.connect(to: address, on: eventLoop, timeout: TimeAmount(configuration.timeout)) { channel in
            let connection = ForwardingConnection(
                maximumAnswer: maximumAnswer,
                whenIdle: { connection in lane.runIfHere { $0.rests(connection, at: address) } },
                whenClosed: { connection in lane.runIfHere { $0.closed(connection, at: address) } })
            try channel.pipeline.syncOperations.addHandler(HTTPRequestEncoder())
            try channel.pipeline.syncOperations.addHandler(
                ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes)))
            try channel.pipeline.syncOperations.addHandler(connection)
        }.whenComplete { result in lane.run { $0.connected(result, bound.value, to: address) } }
    }

    private func connected(
        _ result: Result<any Channel, any Error>, _ request: Request, to address: ForwardingAddress
    ) {
        switch result {
        case .failure(let error):
            leave(address)
            request.finish(.failure(ForwardingFailure(connecting: error)))
        case .success(let channel):
            guard let connection = Self.connection(of: channel) else {
                request.finish(.failure(.broken))
                return channel.close(promise: nil)
            }
            guard request.done != nil, !isClosed else {
                request.finish(.failure(.broken))
                return connection.close()
            }
            start(request, on: connection)
        }
    }

    private static func connection(of channel: any Channel) -> ForwardingConnection? {
        try? channel.pipeline.syncOperations.handler(type: ForwardingConnection.self)
    }

    private func start(_ request: Request, on connection: ForwardingConnection) {
        guard !request.breaksOff else {
            request.finish(nil)
            return connection.breakOff(request.head)
        }
        request.connection = connection
        connection.send(request.head, request.body, deadline: request.deadline) { result in
            request.connection = nil
            request.finish(result)
        }
    }

    private func rests(_ connection: ForwardingConnection, at address: ForwardingAddress) {
        let hasRoom = owners[address].map { $0.idle.count < Self.maximumIdle } ?? true
        // The end of a connection that does not rest is the end of its request.
        guard !isClosed, hasRoom else { return connection.close() }
        leave(address)
        connection.isResting = true
        owners[address, default: Owner()].idle.append(connection)
        connection.rest(for: Self.restingTime)
    }

    private func closed(_ connection: ForwardingConnection, at address: ForwardingAddress) {
        guard connection.isResting else { return leave(address) }
        guard var owner = owners[address], let index = owner.idle.firstIndex(where: { $0 === connection }) else {
            return
        }
        owner.idle.remove(at: index)
        owners[address] = owner.underWay == 0 && owner.idle.isEmpty ? nil : owner
    }

    /// One request less.
    private func leave(_ address: ForwardingAddress) {
        guard var owner = owners[address] else { return }
        owner.underWay = max(0, owner.underWay - 1)
        owners[address] = owner.underWay == 0 && owner.idle.isEmpty ? nil : owner
    }

    // MARK: Held polls

    var heldPolls: Int { polls.count }

    /// Remembers a poll until it is answered.
    func hold(_ request: Request, release: @escaping () -> Void) { polls[ObjectIdentifier(request)] = release }

    func forget(_ request: Request) { polls[ObjectIdentifier(request)] = nil }

    /// Asks the other nodes to answer the polls they hold.
    func releasePolls() {
        for release in Array(polls.values) { release() }
    }

    // MARK: Tunnels

    func add(_ tunnel: Tunnel) { tunnels[ObjectIdentifier(tunnel)] = tunnel }

    func remove(_ tunnel: Tunnel) { tunnels[ObjectIdentifier(tunnel)] = nil }

    // MARK: The end

    func close() {
        isClosed = true
        let resting = owners.values.flatMap(\.idle)
        owners = [:]
        for connection in resting { connection.close() }
        for tunnel in Array(tunnels.values) { tunnel.end() }
    }
}
