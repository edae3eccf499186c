// Part of socketio-server, MIT licence; see LICENSE.

/// Requests of long-polling, and frames of WebSocket: how packets leave.
extension Worker {
    /// Sends one Engine.IO packet on the transport in use.
    func sendText(_ client: LoadClient, _ packet: [UInt8]) {
        if client.isOnWebSocket, let socket = client.socket {
            packet.withUnsafeBytes { sendFrame(socket, opcode: WebSocketFrame.text, $0) }
            return
        }
        if client.waiting.isEmpty {
            waitingToPost.append(client)
        } else {
            client.waiting.append(Self.separator)
        }
        client.waiting.append(contentsOf: packet)
    }

    func sendFrame(_ stream: Stream, text: String) {
        var text = text
        text.withUTF8 { sendFrame(stream, opcode: WebSocketFrame.text, UnsafeRawBufferPointer($0)) }
    }

    func sendFrame(_ stream: Stream, opcode: UInt8, _ payload: UnsafeRawBufferPointer) {
        WebSocketFrame.append(payload, opcode: opcode, mask: mask, to: &stream.outbox)
        markDirty(stream)
    }

    /// Sends a close frame with the code of a normal closure.
    func sendClose(_ stream: Stream) {
        let code: [UInt8] = [0x03, 0xE8]
        code.withUnsafeBytes { sendFrame(stream, opcode: WebSocketFrame.close, $0) }
    }

    /// Sends the next GET.
    func pollNow(_ client: LoadClient) {
        if client.poll?.isClosed ?? true { client.poll = connect(client, role: .poll) }
        guard let stream = client.poll, !stream.isClosed else { return }
        client.pollIsHeld = true
        stream.outbox.append(contentsOf: requests.poll(target: client.target, sessionID: client.sessionID).utf8)
        markDirty(stream)
    }

    /// A GET was answered.
    func polled(_ stream: Stream, _ body: UnsafeBufferPointer<UInt8>, closes: Bool) {
        let client = stream.client
        client.pollIsHeld = false
        var start = 0
        while start <= body.count, !stream.isClosed {
            let end = body[start...].firstIndex(of: Self.separator) ?? body.count
            received(client, UnsafeBufferPointer(rebasing: body[start..<end]), on: stream)
            start = end + 1
        }
        guard !stream.isClosed else { return }
        if client.state == .closing {
            close(stream)
            return left(client)
        }
        if client.upgrade == .pausing { return finishUpgrade(client) }
        if closes { close(stream) }
        pollNow(client)
    }

    /// Sends what waits, unless a POST is on its way already.
    func postWaiting(_ client: LoadClient) {
        guard client.posting == nil, !client.waiting.isEmpty, !client.sessionID.isEmpty else { return }
        var body: [UInt8] = []
        swap(&body, &client.waiting)
        if body.count > Self.postLimit, let cut = body[..<Self.postLimit].lastIndex(of: Self.separator) {
            client.waiting = Array(body[(cut + 1)...])
            body.removeSubrange(cut...)
        }
        post(client, body)
    }

    func post(_ client: LoadClient, _ body: [UInt8]) {
        client.posting = body
        if client.post?.isClosed ?? true { client.post = connect(client, role: .post) }
        guard let stream = client.post, !stream.isClosed else { return }
        let head = requests.post(target: client.target, sessionID: client.sessionID, length: body.count)
        stream.outbox.append(contentsOf: head.utf8)
        stream.outbox.append(contentsOf: body)
        markDirty(stream)
    }

    /// A POST was answered.
    func posted(_ stream: Stream, _ closes: Bool) {
        let client = stream.client
        client.posting = nil
        if closes {
            close(stream)
            client.post = nil
        }
        if !client.waiting.isEmpty {
            postWaiting(client)
        } else if client.state == .closing {
            close(stream)
            left(client)
        } else {
            finishUpgrade(client)
        }
    }

    private static let separator: UInt8 = 0x1E
    /// Longest body made of several packets; servers take 1,000,000 bytes by default.
    private static let postLimit = 500_000
}
