// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// TCP connections: opened, written once per turn of the loop, read until nothing is left.
extension Worker {
    /// Begins a connection to the client's target; nil when the system refuses, and the client has failed then.
    func connect(_ client: LoadClient, role: Stream.Role) -> Stream? {
        let address = addresses[client.target]
        let descriptor = socket(
            address.family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else {
            fail(client, "cannot make a socket: \(String(cString: strerror(errno)))")
            return nil
        }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        if !sources.isEmpty {
            // The system picks the port when it knows the target; before, it would have to be free for all targets.
            setsockopt(descriptor, Int32(IPPROTO_IP), 24 /* IP_BIND_ADDRESS_NO_PORT */, &one, 4)
            _ = sources[nextSource % sources.count].withSocketAddress { bind(descriptor, $0, $1) }
            nextSource += 1
        }
        let result = address.withSocketAddress { Glibc.connect(descriptor, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else {
            let remedy = errno == EADDRNOTAVAIL ? "; give more addresses with --source" : ""
            let text = String(cString: strerror(errno))
            _ = Glibc.close(descriptor)
            fail(client, "cannot connect: \(text)\(remedy)")
            return nil
        }
        return register(descriptor, client, role)
    }

    private func register(_ descriptor: Int32, _ client: LoadClient, _ role: Stream.Role) -> Stream {
        let slot = freeStreams.popLast() ?? streams.count
        if slot == streams.count { streams.append(nil) }
        generation = (generation + 1) & 0x7FFF_FFFF
        let stream = Stream(
            descriptor: descriptor, token: generation << 32 | UInt64(slot), client: client, role: role)
        stream.waitsForWriting = false
        streams[slot] = stream
        poller.watch(descriptor, token: stream.token)
        return stream
    }

    func close(_ stream: Stream) {
        guard !stream.isClosed else { return }
        stream.isClosed = true
        let slot = Int(stream.token & 0xFFFF_FFFF)
        streams[slot] = nil
        freeStreams.append(slot)
        _ = Glibc.close(stream.descriptor)
    }

    func markDirty(_ stream: Stream) {
        guard !stream.isDirty else { return }
        stream.isDirty = true
        dirty.append(stream)
    }

    func flush() {
        for client in waitingToPost { postWaiting(client) }
        waitingToPost.removeAll(keepingCapacity: true)
        // Writing may fail a client, and that may open another one.
        var index = 0
        while index < dirty.count {
            let stream = dirty[index]
            index += 1
            stream.isDirty = false
            if !stream.isClosed, !stream.waitsForWriting { write(stream) }
        }
        dirty.removeAll(keepingCapacity: true)
    }

    func write(_ stream: Stream) {
        switch stream.writeOut() {
        case .done: break
        case .blocked: stream.waitsForWriting = true
        case .failed(let number): ended(stream, "writing failed: \(String(cString: strerror(number)))")
        }
    }

    /// Reads once; true when more may be there. A short read means that nothing is left, unless the peer has closed.
    func read(_ stream: Stream, isLast: Bool) -> Bool {
        let count = recv(stream.descriptor, buffer.baseAddress, Self.bufferSize, 0)
        guard count > 0 else {
            if count < 0, errno == EAGAIN { return false }
            if count < 0, errno == EINTR { return true }
            ended(stream, count == 0 ? "the server closed the connection" : String(cString: strerror(errno)))
            return false
        }
        take(stream, count)
        return isLast || count == Self.bufferSize
    }

    /// Parses what was read, behind what was left of earlier reads.
    private func take(_ stream: Stream, _ count: Int) {
        now = MonotonicClock.now()
        let fresh = UnsafeBufferPointer(rebasing: buffer[..<count])
        if stream.inbox.isEmpty {
            let consumed = parse(stream, fresh)
            if consumed < count, !stream.isClosed { stream.inbox.append(contentsOf: fresh[consumed...]) }
            return
        }
        var inbox: [UInt8] = []
        swap(&inbox, &stream.inbox)
        inbox.append(contentsOf: fresh)
        let consumed = inbox.withUnsafeBufferPointer { parse(stream, $0) }
        guard consumed < inbox.count, !stream.isClosed else { return }
        inbox.removeFirst(consumed)
        swap(&inbox, &stream.inbox)
    }
}
