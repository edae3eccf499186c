// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import NIOHTTP1

/// The answer that an application is writing. Confined to the connection's event loop.
final class ApplicationAnswer {
    private enum State {
        case idle
        /// The application has set the head, which is not sent yet.
        case head(HTTPResponseStatus, HTTPHeaders)
        case body(Body)
        case finished
    }

    private enum Body {
        /// The answer has no body (HEAD, 204, 304): body bytes are dropped.
        case none
        case length(remaining: Int)
        case chunked
        /// The end of the connection delimits the body, because an HTTP/1.0 client gets no length.
        case untilClose
    }

    private let connection: HTTPConnectionHandler
    private let transaction: HTTPTransaction
    private var state = State.idle
    private var closes = false

    init(connection: HTTPConnectionHandler, transaction: HTTPTransaction) {
        self.connection = connection
        self.transaction = transaction
    }

    func writeHead(status: HTTPResponseStatus, headers: HTTPHeaders) throws {
        try checkOpen()
        guard case .idle = state else { throw ApplicationResponseError.alreadyWritten }
        state = .head(status, headers)
    }

    func respond(status: HTTPResponseStatus, headers: HTTPHeaders, body: ByteBuffer) throws {
        try checkOpen()
        guard case .idle = state else { throw ApplicationResponseError.alreadyWritten }
        state = .finished
        connection.answer(HTTPServerResponse(status: status, headers: headers, body: body), to: transaction)
    }

    /// Completes when the connection can take more bytes.
    func write(_ piece: ByteBuffer) -> EventLoopFuture<Void> {
        guard let context = connection.context else {
            return connection.eventLoop.makeFailedFuture(ApplicationResponseError.connectionClosed)
        }
        do {
            try send(piece)
        } catch {
            return context.eventLoop.makeFailedFuture(error)
        }
        guard connection.context != nil, !context.channel.isWritable else {
            return context.eventLoop.makeSucceededVoidFuture()
        }
        let promise = context.eventLoop.makePromise(of: Void.self)
        connection.writabilityWaiters.append(promise)
        return promise.futureResult
    }

    func finish() throws {
        try checkOpen()
        switch state {
        case .idle:
            throw ApplicationResponseError.headMissing
        case .finished:
            throw ApplicationResponseError.alreadyWritten
        case .head(let status, let headers):
            state = .finished
            let isHead = transaction.head.method == .HEAD
            guard isHead || Self.announcedLength(headers) ?? 0 == 0 else { return connection.cut(transaction) }
            // The head of an answer to HEAD may announce the length that GET would have.
            if isHead, Self.announcedLength(headers) != nil {
                sendHead(status, headers, framing: .unstated)
                connection.complete(transaction, closes: closes)
            } else {
                connection.answer(HTTPServerResponse(status: status, headers: headers), to: transaction)
            }
        case .body(let body):
            state = .finished
            switch body {
            case .chunked: connection.write(ByteBuffer(staticString: "0\r\n\r\n"))
            case .length(let remaining) where remaining > 0: return connection.cut(transaction)
            case .none, .length, .untilClose: break
            }
            connection.complete(transaction, closes: closes)
        }
    }

    /// The application's function has returned. An answer that it left unfinished is ended here, as well as possible.
    func returned() {
        guard connection.current === transaction else { return }
        switch state {
        case .idle, .head:
            state = .finished
            connection.answer(HTTPServerResponse(status: .internalServerError), to: transaction)
        case .body:
            state = .finished
            connection.cut(transaction)
        case .finished:
            break
        }
    }

    private func checkOpen() throws {
        guard connection.current === transaction, connection.context != nil else {
            if case .finished = state { throw ApplicationResponseError.alreadyWritten }
            throw ApplicationResponseError.connectionClosed
        }
        if connection.machine.isAnswered { throw ApplicationResponseError.alreadyWritten }
    }

    private func send(_ piece: ByteBuffer) throws {
        try checkOpen()
        let body: Body
        switch state {
        case .idle: throw ApplicationResponseError.headMissing
        case .finished: throw ApplicationResponseError.alreadyWritten
        case .head(let status, let headers): body = startBody(status, headers)
        case .body(let current): body = current
        }
        state = .body(body)
        guard piece.readableBytes > 0 else { return }
        switch body {
        case .none:
            break
        case .length(let remaining):
            guard piece.readableBytes <= remaining else { throw ApplicationResponseError.tooMuchBody }
            state = .body(.length(remaining: remaining - piece.readableBytes))
            connection.write(piece)
        case .chunked:
            var chunk = ByteBuffer()
            chunk.reserveCapacity(piece.readableBytes + 20)
            chunk.writeString(String(piece.readableBytes, radix: 16))
            chunk.writeStaticString("\r\n")
            chunk.writeImmutableBuffer(piece)
            chunk.writeStaticString("\r\n")
            connection.write(chunk)
        case .untilClose:
            connection.write(piece)
        }
    }

    private func startBody(_ status: HTTPResponseStatus, _ headers: HTTPHeaders) -> Body {
        let length = Self.announcedLength(headers)
        let body: Body
        let framing: ResponseSerializer.Framing
        if ResponseSerializer.hasNoBody(status) || transaction.head.method == .HEAD {
            (body, framing) = (.none, length == nil && !ResponseSerializer.hasNoBody(status) ? .chunked : .unstated)
        } else if let length {
            (body, framing) = (.length(remaining: length), .length(length))
        } else if transaction.head.version == .http1_0 {
            (body, framing) = (.untilClose, .unstated)
        } else {
            (body, framing) = (.chunked, .chunked)
        }
        sendHead(status, headers, framing: framing)
        return body
    }

    private func sendHead(_ status: HTTPResponseStatus, _ headers: HTTPHeaders, framing: ResponseSerializer.Framing) {
        let endsBody = transaction.head.version == .http1_0 && framing == .unstated
        closes = connection.prepareEnd(of: transaction, closing: endsBody)
        connection.machine.answerStarted()
        var head = ResponseSerializer(status: status, headers: headers, framing: framing)
        head.keepAlive = closes ? nil : connection.keepAliveSeconds
        connection.writeHead(head)
    }

    private static func announcedLength(_ headers: HTTPHeaders) -> Int? {
        headers.first(name: "content-length").flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
    }
}
