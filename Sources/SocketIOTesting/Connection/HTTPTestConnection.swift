// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
public import NIOCore
internal import NIOPosix

/// One TCP (or TLS) connection to a server under test, speaking HTTP/1 and, after an upgrade, WebSocket.
///
/// It sends exactly the bytes it is told to, so that it can also send wrong ones.
public final class HTTPTestConnection: Sendable {
    /// Whole responses, in the order they arrived.
    public let responses: Inbox<HTTPTestResponse>
    /// WebSocket messages after a `101`, in the order they arrived; a close frame is the last.
    public let messages: Inbox<WebSocketTestMessage>
    /// The local end, for tests that look the connection up on the server's side.
    public let localAddress: SocketAddress?
    private let closing: Inbox<Void>
    private let channel: any Channel
    private let handler: NIOLoopBound<TestConnectionHandler>

    private init(
        channel: any Channel, handler: NIOLoopBound<TestConnectionHandler>, responses: Inbox<HTTPTestResponse>,
        messages: Inbox<WebSocketTestMessage>, closing: Inbox<Void>
    ) {
        self.channel = channel
        self.handler = handler
        self.responses = responses
        self.messages = messages
        self.closing = closing
        self.localAddress = channel.localAddress
    }

    /// Connects; throws when the server does not accept within `timeout`.
    ///
    /// - Parameter request: What is sent as soon as the connection is there. A server ends connections that send no
    ///   request within some seconds, and on a busy machine the calling task may wait longer than that for its turn.
    public static func connect(
        to address: ServerAddress, timeout: Duration = .seconds(10), sending request: HTTPTestRequest? = nil
    ) async throws -> HTTPTestConnection {
        let responses = Inbox<HTTPTestResponse>("an HTTP response")
        let messages = Inbox<WebSocketTestMessage>("a WebSocket message")
        let closing = Inbox<Void>("the end of the connection")
        let bootstrap = ClientBootstrap(group: address.group)
            .connectTimeout(.nanoseconds(timeout.nanoseconds))
            .channelOption(.socketOption(.so_reuseaddr), value: 1)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try address.prepare?(channel)
                    try channel.pipeline.syncOperations.addHandler(
                        TestConnectionHandler(responses: responses, messages: messages, closing: closing))
                }
            }
        // In the same tick of the event loop, before anything can end the connection.
        let (channel, handler) = try await bootstrap.connect(host: address.host, port: address.port)
            .flatMapThrowing { channel in
                let handler = try channel.pipeline.syncOperations.handler(type: TestConnectionHandler.self)
                if let request {
                    handler.willSend(method: request.method)
                    channel.writeAndFlush(ByteBuffer(bytes: request.encoded), promise: nil)
                }
                return (channel, NIOLoopBound(handler, eventLoop: channel.eventLoop))
            }.get()
        return HTTPTestConnection(
            channel: channel, handler: handler, responses: responses, messages: messages, closing: closing)
    }

    /// Whether the connection is still there on this side.
    public var isOpen: Bool { channel.isActive }

    /// Writes bytes as they are.
    public func write(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    /// Writes text as it is.
    public func write(_ text: String) async throws {
        try await write(Array(text.utf8))
    }

    /// Writes bytes in pieces of `size`, each flushed by itself.
    public func write(_ bytes: [UInt8], inPiecesOf size: Int) async throws {
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + size)
            try await write(Array(bytes[start..<end]))
            start = end
        }
    }

    /// Sends a request without waiting for its answer.
    ///
    /// - Throws: ``TestClientError/closed(_:)`` when the server has ended the connection.
    public func send(_ request: HTTPTestRequest) async throws {
        let bytes = ByteBuffer(bytes: request.encoded)
        let handler = self.handler
        let channel = self.channel
        do {
            try await channel.eventLoop.flatSubmit {
                handler.value.willSend(method: request.method)
                return channel.writeAndFlush(bytes)
            }.get()
        } catch is ChannelError {
            throw TestClientError.closed("before the request was sent")
        }
    }

    /// Sends a request and takes the next response.
    public func request(
        _ request: HTTPTestRequest, within timeout: Duration = .seconds(10)
    ) async throws -> HTTPTestResponse {
        try await send(request)
        return try await responses.next(within: timeout)
    }

    /// Whether close frames are echoed and pings answered without being asked; default yes.
    public func setAutomaticReplies(_ enabled: Bool) async throws {
        let handler = self.handler
        try await channel.eventLoop.submit { handler.value.repliesAutomatically = enabled }.get()
    }

    /// Stops or resumes reading from the socket, as a client does that takes no answers.
    public func setReading(_ enabled: Bool) async throws {
        try await channel.setOption(.autoRead, value: enabled).get()
    }

    /// Closes the TCP connection.
    public func close() async {
        try? await channel.close().get()
    }

    /// Ends the connection with RST instead of FIN.
    public func reset() async {
        if let options = channel as? any SocketOptionProvider {
            try? await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        }
        try? await channel.close().get()
    }

    /// Sends FIN and goes on reading.
    public func shutdownOutput() async throws {
        try await channel.setOption(.allowRemoteHalfClosure, value: true).get()
        try await channel.close(mode: .output).get()
    }

    /// Waits until the server has ended the connection.
    public func waitUntilClosed(within timeout: Duration = .seconds(10)) async throws {
        do {
            try await closing.next(within: timeout)
        } catch TestClientError.closed {
            return
        }
    }
}

extension Duration {
    /// Whole nanoseconds, at most what fits.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : product + attoseconds / 1_000_000_000
    }
}
