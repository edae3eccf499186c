// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// `ws-echo`: a plain WebSocket endpoint at every path that sends each message back, for test suites of the WebSocket
/// protocol itself. It uses the parts of the Engine.IO transport that know frames: assembler, server frames and
/// compression, which it offers for messages of any size.
enum WebSocketEcho {
    static func start(_ settings: ApplicationSettings) async throws -> RunningApplication {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: settings.eventLoops)
        var configuration = settings.engine(pingInterval: .seconds(25), pingTimeout: .seconds(20), cors: nil)
        // Every path is the endpoint's.
        configuration.path = "/"
        configuration.serveClient = false
        let limits = WebSocketLimits(maximumMessageSize: configuration.maxHttpBufferSize)
        do {
            let router = try HTTPRouter(
                configuration: configuration, engine: Endpoint(limits: limits), application: nil,
                eventLoops: Array(group.makeIterator()))
            let listener = try await HTTPListener.bind(
                to: .tcp(host: settings.host, port: settings.port), group: group, server: router.server)
            return RunningApplication(
                port: listener.port ?? 0,
                clientsCount: { 0 },
                stop: {
                    await listener.close()
                    try? await group.shutdownGracefully()
                })
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private final class Endpoint: EngineRequestHandler {
        private let limits: WebSocketLimits

        init(limits: WebSocketLimits) {
            self.limits = limits
        }

        func handle(_ exchange: HTTPExchange) {
            guard exchange.request.isUpgrade else {
                // `/health`, and requests that come by mistake.
                let isHealth = exchange.request.target == "/health"
                exchange.respond(
                    HTTPServerResponse(
                        status: isHealth ? .ok : .upgradeRequired, headers: ["Content-Type": "text/plain"],
                        body: ByteBuffer(string: isHealth ? "ok" : "a WebSocket endpoint\n")))
                return
            }
            do throws(WebSocketHandshake.Refusal) {
                let handshake = try WebSocketHandshake(exchange.request, allowsCompression: true)
                let response = handshake.response(adding: [:])
                let windowBits = handshake.deflate?.windowBits
                let limits = limits
                exchange.takeOver { channel, rest in
                    channel.write(response, promise: nil)
                    let handler = EchoHandler(limits: limits, windowBits: windowBits, first: rest)
                    // Fails only when the channel is gone, and then nobody waits for an answer.
                    try? channel.pipeline.syncOperations.addHandler(handler)
                }
            } catch {
                exchange.refuseUpgrade(message: error.message, headers: error.headers, status: error.status)
            }
        }
    }
}

/// Sends every message back, answers pings, and ends the connection as RFC 6455 asks.
private final class EchoHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var assembler: MessageAssembler
    private let windowBits: Int32?
    private let compressor = FrameCompressor(PerMessageDeflateConfiguration(threshold: 0))
    private var first: ByteBuffer
    private var isClosing = false

    /// - Parameter windowBits: what was agreed on about compression; nil for none.
    init(limits: WebSocketLimits, windowBits: Int32?, first: ByteBuffer) {
        self.windowBits = windowBits
        assembler = MessageAssembler(limits: limits, decompressor: windowBits == nil ? nil : FrameInflater())
        self.first = first
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bytes = first
        first = ByteBuffer()
        receive(bytes, context: context)
        context.flush()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        receive(unwrapInboundIn(data), context: context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func receive(_ bytes: ByteBuffer, context: ChannelHandlerContext) {
        var bytes = bytes
        assembler.receive(&bytes)
        do throws(WebSocketProtocolError) {
            while let event = try assembler.next(now: .now()) {
                switch event {
                case .message(let message): write(frame(of: message), context)
                case .ping(let payload): write(ServerFrame.pong(payload), context)
                case .pong: break
                case .close(let code, _): close(ServerFrame.close(code: code), context)
                }
            }
        } catch {
            close(ServerFrame.close(code: error.closeCode, reason: "\(error)"), context)
        }
    }

    private func frame(of message: EngineMessage) -> ByteBuffer {
        let plain = ServerFrame.message(message)
        guard let windowBits else { return plain }
        let (payload, isBinary) =
            switch message {
            case .text(let payload): (payload, false)
            case .binary(let payload): (payload, true)
            }
        let packet = OutboundPacket(
            frame: plain, headerLength: OutboundPacket.headerLength(payloadLength: payload.readableBytes),
            isBinary: isBinary)
        return compressor.compress(packet, windowBits: windowBits).frame
    }

    private func write(_ frame: ByteBuffer, _ context: ChannelHandlerContext) {
        guard !isClosing else { return }
        context.write(wrapOutboundOut(frame), promise: nil)
    }

    /// The server closes the TCP connection first (RFC 6455, 7.1.1), but not with a reset: it goes on reading, and
    /// dropping, until the peer has ended its side or a second is over.
    private func close(_ frame: ByteBuffer, _ context: ChannelHandlerContext) {
        guard !isClosing else { return }
        isClosing = true
        let channel = context.channel
        let sent = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(frame), promise: sent)
        sent.futureResult.whenComplete { _ in
            channel.close(mode: .output, promise: nil)
            channel.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
        }
    }
}
