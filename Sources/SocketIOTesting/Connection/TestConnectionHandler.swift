// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Turns the bytes of a client connection into responses and, after a `101`, into WebSocket messages.
final class TestConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let responses: Inbox<HTTPTestResponse>
    private let messages: Inbox<WebSocketTestMessage>
    private let closing: Inbox<Void>
    private var parser = HTTPResponseParser()
    private var frames: ServerFrameReader?
    private var failure: (any Error)?
    private var closeAnswered = false
    var repliesAutomatically = true

    init(responses: Inbox<HTTPTestResponse>, messages: Inbox<WebSocketTestMessage>, closing: Inbox<Void>) {
        self.responses = responses
        self.messages = messages
        self.closing = closing
    }

    func willSend(method: String) {
        parser.pendingMethods.append(method)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard failure == nil else { return }
        let bytes = unwrapInboundIn(data)
        do {
            if frames != nil {
                try receiveFrames(bytes.readableBytesView, context: context)
            } else {
                parser.receive(bytes.readableBytesView)
                while let response = try parser.next() {
                    responses.push(response)
                    guard response.status == 101 else { continue }
                    let extensions = response["sec-websocket-extensions"]
                    frames = ServerFrameReader(allowsCompression: extensions?.hasPrefix("permessage-deflate") == true)
                    try receiveFrames(parser.takeRest(), context: context)
                    break
                }
            }
        } catch {
            failure = error
            context.close(promise: nil)
        }
    }

    private func receiveFrames(_ bytes: some Sequence<UInt8>, context: ChannelHandlerContext) throws {
        frames?.receive(bytes)
        while let message = try frames?.next() {
            messages.push(message)
            guard repliesAutomatically else { continue }
            switch message {
            case .ping(let payload): reply(.init(opcode: .pong, payload: payload), context: context)
            case .close(let code, _) where !closeAnswered:
                closeAnswered = true
                let payload = code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } ?? []
                reply(.init(opcode: .close, payload: payload), context: context)
            default: break
            }
        }
    }

    private func reply(_ frame: ClientFrame, context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: frame.encoded)), promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // With remote half-closure on, the end of the server's side is the end for us as well.
        if let event = event as? ChannelEvent, event == .inputClosed { end() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if failure == nil { failure = TestClientError.closed("\(error)") }
        context.close(promise: nil)
    }

    private func end() {
        if failure == nil, frames == nil {
            do {
                if let response = try parser.finish() { responses.push(response) }
            } catch {
                failure = error
            }
        }
        let reason = failure ?? TestClientError.closed("end of stream")
        responses.finish(reason)
        messages.finish(reason)
        closing.finish(TestClientError.closed("\(reason)"))
    }
}
