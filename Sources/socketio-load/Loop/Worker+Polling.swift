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
        if let requests = client.requests {
            stream.outbox.append(contentsOf: requests.get)
        } else {
            stream.outbox.append(contentsOf: requests.handshake(target: client.target).utf8)
        }
        markDirty(stream)
    }

    /// A GET was answered.
    func polled(_ stream: Stream, _ body: UnsafeBufferPointer<UInt8>, closes: Bool) {
        let client = stream.client
        client.pollIsHeld = false
        var start = 0
        while start <= body.count, !stream.isClosed {
            let end = body.offset(of: Self.separator, from: start) ?? body.count
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
        guard !client.isPosting, !client.waiting.isEmpty, client.requests != nil else { return }
        swap(&client.posting, &client.waiting)
        client.waiting.removeAll(keepingCapacity: client.waiting.capacity <= Self.keptCapacity)
        if client.posting.count > Self.postLimit,
            let cut = client.posting[..<Self.postLimit].lastIndex(of: Self.separator)
        {
            client.waiting.append(contentsOf: client.posting[(cut + 1)...])
            client.posting.removeSubrange(cut...)
        }
        post(client)
    }

    /// Sends `posting`.
    func post(_ client: LoadClient) {
        client.isPosting = true
        if client.post?.isClosed ?? true { client.post = connect(client, role: .post) }
        guard let stream = client.post, !stream.isClosed, let requests = client.requests else { return }
        requests.appendPost(client.posting, to: &stream.outbox)
        markDirty(stream)
    }

    /// A POST was answered.
    func posted(_ stream: Stream, _ closes: Bool) {
        let client = stream.client
        client.isPosting = false
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
    private static let keptCapacity = 65536
}
