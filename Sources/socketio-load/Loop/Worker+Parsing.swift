// Part of socketio-server, MIT licence; see LICENSE.

/// From bytes to Engine.IO packets.
extension Worker {
    /// Takes complete frames or answers; returns how many bytes they had.
    func parse(_ stream: Stream, _ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var consumed = 0
        while consumed < bytes.count, !stream.isClosed {
            let rest = UnsafeBufferPointer(rebasing: bytes[consumed...])
            let count = stream.role == .webSocket ? parseFrame(stream, rest) : parseAnswer(stream, rest)
            if count == 0 { break }
            consumed += count
        }
        return consumed
    }

    private func parseFrame(_ stream: Stream, _ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        let head: WebSocketFrame.Head
        switch WebSocketFrame.readHead(bytes) {
        case .incomplete: return 0
        case .invalid:
            ended(stream, "the server sent an invalid WebSocket frame")
            return bytes.count
        case .frame(let read): head = read
        }
        let total = head.headLength + head.payloadLength
        guard bytes.count >= total else { return 0 }
        received(stream, head, UnsafeBufferPointer(rebasing: bytes[head.headLength..<total]))
        return total
    }

    private func received(_ stream: Stream, _ head: WebSocketFrame.Head, _ payload: UnsafeBufferPointer<UInt8>) {
        let client = stream.client
        switch head.opcode {
        case WebSocketFrame.text where head.isFinal && client.fragments.isEmpty:
            received(client, payload, on: stream)
        case WebSocketFrame.text, 0:
            guard client.fragments.count + payload.count <= WebSocketFrame.payloadLimit else {
                return ended(stream, "the server sent a message that does not end")
            }
            client.fragments.append(contentsOf: payload)
            guard head.isFinal else { return }
            let whole = client.fragments
            client.fragments.removeAll()
            whole.withUnsafeBufferPointer { received(client, $0, on: stream) }
        case WebSocketFrame.ping: sendFrame(stream, opcode: WebSocketFrame.pong, UnsafeRawBufferPointer(payload))
        case WebSocketFrame.close:
            if client.state == .closing {
                close(stream)
                left(client)
            } else {
                ended(stream, "the server closed the WebSocket")
            }
        case WebSocketFrame.pong: break
        default: client.part.counts.other += 1
        }
    }

    private func parseAnswer(_ stream: Stream, _ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        let answer: HTTPAnswer
        switch HTTPAnswer.read(bytes) {
        case .incomplete: return 0
        case .invalid(let text):
            ended(stream, "not understood: \(text)")
            return bytes.count
        case .answer(let read): answer = read
        }
        if stream.role == .handshake, answer.status == 101 {
            guard answer.acceptsKey else {
                ended(stream, "the WebSocket handshake was answered with a wrong key")
                return bytes.count
            }
            stream.role = .webSocket
            webSocketOpened(stream)
            return answer.headLength
        }
        let rest = UnsafeBufferPointer(rebasing: bytes[answer.headLength...])
        switch answer.framing {
        case .length(let length):
            guard rest.count >= length else { return 0 }
            take(answer, UnsafeBufferPointer(rebasing: rest[..<length]), on: stream)
            return answer.headLength + length
        case .chunked:
            switch ChunkedBody.read(rest) {
            case .incomplete: return 0
            case .invalid:
                ended(stream, "not understood: the body is not in chunks")
                return bytes.count
            case .body(let body, let length):
                body.withUnsafeBufferPointer { take(answer, $0, on: stream) }
                return answer.headLength + length
            }
        }
    }

    private func take(_ answer: HTTPAnswer, _ body: UnsafeBufferPointer<UInt8>, on stream: Stream) {
        stream.wasUsed = true
        guard answer.status == 200, stream.role != .handshake else {
            let text = String(decoding: body.prefix(100), as: UTF8.self)
            return ended(stream, "answered with HTTP \(answer.status) \(text)")
        }
        if stream.role == .poll { polled(stream, body, closes: answer.closes) } else { posted(stream, answer.closes) }
    }
}
