// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// What goes over the socket: the length of the rest in four bytes, a kind, the length of a namespace in two, the namespace, a body.
struct Frame: Sendable {
    enum Kind: UInt8 {
        case subscribe = 1
        case unsubscribe
        case message
        /// How many servers have subscribed.
        case count
    }

    static let maximumLength = 32 << 20

    let kind: Kind
    let namespace: String
    let body: ByteBuffer

    init(_ kind: Kind, _ namespace: String, _ body: ByteBuffer = ByteBuffer()) {
        self.kind = kind
        self.namespace = namespace
        self.body = body
    }

    /// A frame without its length.
    init?(_ bytes: ByteBuffer) {
        var bytes = bytes
        guard let kind = bytes.readInteger(as: UInt8.self).flatMap(Kind.init),
            let length = bytes.readInteger(as: UInt16.self), let namespace = bytes.readString(length: Int(length))
        else { return nil }
        self.init(kind, namespace, bytes)
    }

    var bytes: ByteBuffer {
        var bytes = ByteBuffer()
        bytes.writeInteger(UInt32(3 + namespace.utf8.count + body.readableBytes))
        bytes.writeInteger(kind.rawValue)
        bytes.writeInteger(UInt16(namespace.utf8.count))
        bytes.writeString(namespace)
        bytes.writeImmutableBuffer(body)
        return bytes
    }
}

/// Cuts the bytes of a connection into frames.
struct FrameDecoder: ByteToMessageDecoder {
    typealias InboundOut = Frame

    struct Malformed: Error {}

    mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
        guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt32.self) else { return .needMoreData }
        guard length <= Frame.maximumLength else { throw Malformed() }
        guard buffer.readableBytes >= 4 + Int(length) else { return .needMoreData }
        buffer.moveReaderIndex(forwardBy: 4)
        guard let bytes = buffer.readSlice(length: Int(length)), let frame = Frame(bytes) else { throw Malformed() }
        context.fireChannelRead(wrapInboundOut(frame))
        return .continue
    }

    mutating func decodeLast(
        context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool
    ) throws -> DecodingState { .needMoreData }
}

/// Hands the frames of a connection to closures.
final class FrameHandler: ChannelInboundHandler {
    typealias InboundIn = Frame

    private let onFrame: @Sendable (Frame) -> Void
    private let onEnd: @Sendable () -> Void

    private init(onFrame: @escaping @Sendable (Frame) -> Void, onEnd: @escaping @Sendable () -> Void) {
        self.onFrame = onFrame
        self.onEnd = onEnd
    }

    static func add(
        to channel: any Channel, onFrame: @escaping @Sendable (Frame) -> Void,
        onEnd: @escaping @Sendable () -> Void = {}
    ) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandlers(
                ByteToMessageHandler(FrameDecoder()), FrameHandler(onFrame: onFrame, onEnd: onEnd))
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { onFrame(unwrapInboundIn(data)) }
    func channelInactive(context: ChannelHandlerContext) { onEnd() }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
