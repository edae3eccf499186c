// Part of socketio-server, MIT licence; see LICENSE.

/// The life of a client: connect, join, be ready, leave; and every way to fail.
extension Worker {
    /// Starts to connect. `began` is the time from which the connect is measured.
    func open(_ client: LoadClient, began: UInt64) {
        client.state = .opening
        client.began = began
        client.deadline = now &+ plan.connectTimeout
        client.upgrade = .none
        client.sessionID = ""
        client.requests = nil
        client.fragments.removeAll()
        client.waiting.removeAll()
        client.isPosting = false
        client.pollIsHeld = false
        switch client.part.plan.transport {
        case .websocket: openWebSocket(client)
        case .polling, .upgrade:
            guard let stream = connect(client, role: .poll) else { return }
            client.poll = stream
            pollNow(client)
        }
    }

    private func openWebSocket(_ client: LoadClient) {
        guard let stream = connect(client, role: .handshake) else { return }
        client.socket = stream
        let request = requests.webSocket(target: client.target, sessionID: client.sessionID)
        stream.outbox.append(contentsOf: request.utf8)
        markDirty(stream)
    }

    func webSocketOpened(_ stream: Stream) {
        if stream.client.upgrade == .probing { sendFrame(stream, text: "2probe") }
    }

    /// One Engine.IO packet, from either transport.
    func received(_ client: LoadClient, _ packet: UnsafeBufferPointer<UInt8>, on stream: Stream) {
        guard let type = packet.first else { return ended(stream, "the server sent an empty packet") }
        switch type {
        case UInt8(ascii: "4"): receivedMessage(client, packet, on: stream)
        case UInt8(ascii: "2"): sendText(client, Array("3".utf8) + packet.dropFirst())
        case UInt8(ascii: "0"):
            guard let id = Self.sessionID(packet) else { return ended(stream, "the handshake has no sid") }
            client.sessionID = id
            if stream.role == .poll { client.requests = requests.polling(target: client.target, sessionID: id) }
            sendText(client, Array("40\(plan.namespacePrefix)\(plan.auth)".utf8))
        case UInt8(ascii: "3"):
            guard client.upgrade == .probing, packet.elementsEqual("3probe".utf8) else { return }
            client.upgrade = .pausing
            finishUpgrade(client)
        case UInt8(ascii: "1"):
            if client.state != .closing { ended(stream, "the server closed the session") }
        case UInt8(ascii: "6"): break
        case UInt8(ascii: "b"): client.part.counts.other += 1
        default: ended(stream, "the server sent an unknown packet type")
        }
    }

    private func receivedMessage(_ client: LoadClient, _ packet: UnsafeBufferPointer<UInt8>, on stream: Stream) {
        guard packet.count >= 2 else { return ended(stream, "the server sent an empty message") }
        switch packet[1] {
        case UInt8(ascii: "2"): receivedEvent(client, packet)
        case UInt8(ascii: "3"): receivedAcknowledgement(client, packet)
        case UInt8(ascii: "0"):
            guard client.state == .opening else { return }
            if client.part.plan.transport == .upgrade {
                client.upgrade = .probing
                openWebSocket(client)
            } else {
                established(client)
            }
        case UInt8(ascii: "4"):
            ended(stream, "the namespace refused: \(String(decoding: packet.dropFirst(2).prefix(200), as: UTF8.self))")
        case UInt8(ascii: "1"):
            if client.state != .closing { ended(stream, "the server disconnected the socket") }
        default: client.part.counts.other += 1
        }
    }

    /// On its final transport, in its namespace.
    func established(_ client: LoadClient) {
        guard client.part.plan.work == .publish else { return isReady(client) }
        client.state = .joining
        let name = JSONText.quoted(plan.roomName(part: client.part.number, room: client.room))
        sendText(client, Array("42\(plan.namespacePrefix)0[\(JSONText.quoted(plan.events.join)),\(name)]".utf8))
    }

    func isReady(_ client: LoadClient) {
        client.state = .ready
        client.deadline = .max
        if client.part.plan.work == .connect {
            connected(client)
        } else {
            opening -= 1
            ready += 1
        }
    }

    // MARK: Upgrade

    /// Sends `5` once no request is under way: then nothing can be lost or overtaken.
    func finishUpgrade(_ client: LoadClient) {
        guard client.upgrade == .pausing, !client.pollIsHeld, !client.isPosting, client.waiting.isEmpty,
            let socket = client.socket
        else { return }
        sendFrame(socket, text: "5")
        client.upgrade = .none
        closePolling(client)
        established(client)
    }

    // MARK: Leaving

    /// Says goodbye as official clients do, and waits for the server to close.
    func leave(_ client: LoadClient) {
        client.state = .closing
        client.deadline = now &+ 5_000_000_000
        if let socket = client.socket {
            sendFrame(socket, text: "41\(plan.namespacePrefix)")
            sendClose(socket)
        } else {
            sendText(client, Array("41\(plan.namespacePrefix)\u{1e}1".utf8))
        }
    }

    /// A connection of a leaving client is gone; with the last one it has left.
    func left(_ client: LoadClient) {
        let streams = [client.socket, client.poll, client.post]
        guard streams.allSatisfy({ $0?.isClosed ?? true }) else { return }
        client.socket = nil
        client.poll = nil
        client.post = nil
        client.state = .idle
        client.deadline = .max
        if client.part.plan.work == .connect { slotIsFree(client) }
    }

    func closePolling(_ client: LoadClient) {
        if let stream = client.poll { close(stream) }
        if let stream = client.post { close(stream) }
        client.poll = nil
        client.post = nil
        client.pollIsHeld = false
    }

    func closeAll() {
        for part in parts {
            for client in part.clients {
                if let socket = client.socket, socket.role == .webSocket, !socket.isClosed {
                    sendClose(socket)
                    _ = socket.writeOut()
                }
                for case let stream? in [client.socket, client.poll, client.post] { close(stream) }
            }
        }
    }

    // MARK: Failing

    func timedOut(_ client: LoadClient) {
        switch client.state {
        case .opening: fail(client, "no session within the connect time-out")
        case .joining: fail(client, "the event \"\(plan.events.join)\" was not acknowledged")
        case .closing: fail(client, "the server does not close")
        case .idle:
            client.deadline = .max
            slotIsFree(client)
        case .ready, .failed: client.deadline = .max
        }
    }

    /// A stream ended, or must end because of what it brought.
    func ended(_ stream: Stream, _ reason: String) {
        guard !stream.isClosed else { return }
        close(stream)
        let client = stream.client
        if client.state == .closing { return left(client) }
        if stream.role == .post, client.post === stream, stream.inbox.isEmpty {
            client.post = nil
            guard client.isPosting else { return }
            // A kept connection may close just when it is used again: the request then goes out once more.
            if stream.wasUsed { return post(client) }
        }
        fail(client, reason)
    }

    /// Gives a client up.
    func fail(_ client: LoadClient, _ reason: String) {
        for case let stream? in [client.socket, client.poll, client.post] { close(stream) }
        client.socket = nil
        client.poll = nil
        client.post = nil
        let state = client.state
        client.state = .failed
        client.deadline = .max
        guard state != .failed, state != .idle else { return }
        if firstFailure == nil { firstFailure = "\(plan.targets[client.target].text): \(reason)" }
        let isConnectWork = client.part.plan.work == .connect
        if state == .ready {
            ready -= isConnectWork ? 0 : 1
            client.part.counts.lostConnections += 1
        } else {
            opening -= isConnectWork ? 0 : 1
            client.part.counts.failedConnects += 1
        }
        failed += 1
        guard isConnectWork else { return }
        // Not at once: a server that refuses would be hit as fast as the machine can.
        client.state = .idle
        client.deadline = isSending && client.part.plan.rate == nil ? now &+ 100_000_000 : .max
        if client.part.plan.rate != nil { slotIsFree(client) }
    }

    private static func sessionID(_ packet: UnsafeBufferPointer<UInt8>) -> String? {
        let text = String(decoding: packet, as: UTF8.self)
        guard let start = text.firstRange(of: "\"sid\":\"")?.upperBound else { return nil }
        let id = text[start...].prefix { $0 != "\"" }
        // It goes into a request line.
        return !id.isEmpty && id.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x25 && $0 != 0x26 }
            ? String(id) : nil
    }
}
