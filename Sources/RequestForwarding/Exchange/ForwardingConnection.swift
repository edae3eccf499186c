// Part of socketio-server, MIT licence; see LICENSE.

internal import HTTPServerCore
internal import NIOCore
internal import NIOHTTP1

/// Why another node has not answered.
enum ForwardingFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// Nobody takes connections there.
    case unreachable
    /// The connection ended, or what came is no answer.
    case broken
    case timedOut
    case tooLarge
    /// So many requests are under way that this one was not sent, or no descriptor is left for another connection.
    case overloaded

    /// What the log says.
    var description: String {
        switch self {
        case .unreachable: "the node takes no connections"
        case .broken: "the connection ended without an answer"
        case .timedOut: "the node did not answer in time"
        case .tooLarge: "the answer is too large"
        case .overloaded: "too many requests to the node are under way, or no descriptor is left"
        }
    }
}

/// A connection to another node: one request at a time. Confined to its event loop.
final class ForwardingConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    typealias Done = (Result<HTTPServerResponse, ForwardingFailure>) -> Void

    /// Set by the lane while no request is under way.
    var isResting = false

    private let maximumAnswer: Int
    private let whenIdle: (ForwardingConnection) -> Void
    private let whenClosed: (ForwardingConnection) -> Void
    private var context: ChannelHandlerContext?
    private var done: Done?
    private var head: HTTPResponseHead?
    private var body = ByteBuffer()
    private var timer = DeadlineTimer()
    /// Whether the answer came while the request was still being written.
    private var isWriting = false

    init(
        maximumAnswer: Int, whenIdle: @escaping (ForwardingConnection) -> Void,
        whenClosed: @escaping (ForwardingConnection) -> Void
    ) {
        self.maximumAnswer = maximumAnswer
        self.whenIdle = whenIdle
        self.whenClosed = whenClosed
    }

    var isUsable: Bool { context?.channel.isActive == true && done == nil }

    /// Sends a request. `done` is called once, on the event loop; not after ``close()``.
    func send(_ request: HTTPRequestHead, _ requestBody: ByteBuffer?, deadline: NIODeadline, _ done: @escaping Done) {
        guard let context, isUsable else { return done(.failure(.broken)) }
        self.done = done
        isWriting = true
        context.write(wrapOutboundOut(.head(request)), promise: nil)
        if let requestBody, requestBody.readableBytes > 0 {
            context.write(wrapOutboundOut(.body(.byteBuffer(requestBody))), promise: nil)
        }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { [weak self] _ in self?.isWriting = false }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
        setDeadline(deadline)
    }

    /// Sends the head of a request whose body will never come, so that the session's node sees what this one saw: a body
    /// that is too long, or has broken off.
    func breakOff(_ request: HTTPRequestHead) {
        guard let context, isUsable else { return close() }
        context.writeAndFlush(wrapOutboundOut(.head(request))).assumeIsolated().whenComplete { [weak self] _ in
            self?.close()
        }
    }

    /// Ends the connection and forgets the request.
    func close() {
        done = nil
        context?.close(promise: nil)
    }

    /// Closes the connection unless it is used again before.
    func rest(for time: TimeAmount) {
        if let context { setDeadline(context.eventLoop.now + time) }
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // An answer nobody has asked for.
        guard done != nil else { return close() }
        switch unwrapInboundIn(data) {
        case .head(let head):
            // This side asks for no upgrade here.
            guard head.status.code >= 200 else { return fail(.broken) }
            self.head = head
            body = ByteBuffer()
        case .body(var bytes):
            guard bytes.readableBytes <= maximumAnswer - body.readableBytes else { return fail(.tooLarge) }
            if body.readableBytes == 0 { body = bytes } else { body.writeBuffer(&bytes) }
        case .end:
            finish()
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer.cancel()
        fail(.broken)
        whenClosed(self)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(.broken)
        context.close(promise: nil)
    }

    private func finish() {
        guard let head, let done else { return }
        let answer = HTTPServerResponse(status: head.status, headers: head.headers, body: body)
        self.head = nil
        body = ByteBuffer()
        self.done = nil
        if head.isKeepAlive, !isWriting {
            whenIdle(self)
        } else {
            context?.close(promise: nil)
        }
        done(.success(answer))
    }

    private func fail(_ failure: ForwardingFailure) {
        let done = done
        self.done = nil
        head = nil
        body = ByteBuffer()
        context?.close(promise: nil)
        done?(.failure(failure))
    }

    // MARK: Deadlines

    private func setDeadline(_ deadline: NIODeadline) {
        guard let context, timer.move(to: deadline) else { return }
        timer.start(on: context.eventLoop) { [weak self] in self?.timerFired() }
    }

    private func timerFired() {
        guard let context else { return }
        guard timer.hasFired(now: context.eventLoop.now) else {
            if let deadline = timer.deadline { setDeadline(deadline) }
            return
        }
        fail(.timedOut)
    }
}
