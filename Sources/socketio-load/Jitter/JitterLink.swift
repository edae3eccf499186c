// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// One WebSocket to a server, without an event loop of its own: its owner tells it when to read and write.
final class JitterLink {
    enum Event {
        /// A packet of Engine.IO.
        case packet(String)
        case ended(String)
    }

    let descriptor: Int32
    private var inbox: [UInt8] = []
    private var outbox: [UInt8] = []
    private var fragments: [UInt8] = []
    private var isOpen = false
    private var isClosed = false
    private let mask = UInt32.random(in: 1...UInt32.max)

    private static let readSize = 65_536

    /// Begins to connect.
    init(_ target: LoadTarget, _ address: SocketAddress, headers: [String]) throws(LoadFailure) {
        descriptor = socket(
            address.family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw LoadFailure.system("cannot make a socket", errno) }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        let result = address.withSocketAddress { connect(descriptor, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else {
            let number = errno
            _ = Glibc.close(descriptor)
            isClosed = true
            throw LoadFailure.system("cannot connect", number)
        }
        let extra = headers.map { "\($0)\r\n" }.joined()
        outbox = Array(
            ("GET \(target.path)?EIO=4&transport=websocket HTTP/1.1\r\nHost: \(target.authority)\r\n\(extra)"
                + "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: \(WebSocketFrame.key)\r\n\r\n").utf8)
    }

    deinit { close() }

    /// Ends the connection without a word.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        _ = Glibc.close(descriptor)
    }

    func send(_ packet: String) {
        var packet = packet
        packet.withUTF8 {
            WebSocketFrame.append(
                UnsafeRawBufferPointer($0), opcode: WebSocketFrame.text, mask: mask, to: &outbox)
        }
        write()
    }

    func write() {
        while !isClosed, !outbox.isEmpty {
            let count = outbox.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            outbox.removeFirst(count)
        }
    }

    /// Reads everything that is there.
    func read(_ tell: (Event) -> Void) {
        while !isClosed {
            var bytes = [UInt8](repeating: 0, count: Self.readSize)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return }
            guard count > 0 else {
                let reason = count == 0 ? "the server closed the connection" : String(cString: strerror(errno))
                close()
                return tell(.ended(reason))
            }
            inbox.append(contentsOf: bytes[..<count])
            parse(tell)
        }
    }

    private func parse(_ tell: (Event) -> Void) {
        while !isClosed, !inbox.isEmpty {
            let used = isOpen ? frame(tell) : answer(tell)
            guard used > 0 else { return }
            inbox.removeFirst(min(used, inbox.count))
        }
    }

    private func fail(_ reason: String, _ tell: (Event) -> Void) -> Int {
        close()
        tell(.ended(reason))
        return inbox.count
    }

    private func answer(_ tell: (Event) -> Void) -> Int {
        switch inbox.withUnsafeBufferPointer({ HTTPAnswer.read($0) }) {
        case .incomplete: return 0
        case .invalid(let text): return fail("not understood: \(text)", tell)
        case .answer(let answer):
            guard answer.status == 101, answer.acceptsKey else {
                return fail("answered with HTTP \(answer.status)", tell)
            }
            isOpen = true
            return answer.headLength
        }
    }

    private func frame(_ tell: (Event) -> Void) -> Int {
        let head: WebSocketFrame.Head
        switch inbox.withUnsafeBufferPointer({ WebSocketFrame.readHead($0) }) {
        case .incomplete: return 0
        case .invalid: return fail("the server sent an invalid WebSocket frame", tell)
        case .frame(let found): head = found
        }
        let total = head.headLength + head.payloadLength
        guard inbox.count >= total else { return 0 }
        let payload = inbox[head.headLength..<total]
        switch head.opcode {
        case WebSocketFrame.text, 0:
            fragments.append(contentsOf: payload)
            guard head.isFinal else { break }
            let text = String(decoding: fragments, as: UTF8.self)
            fragments = []
            tell(.packet(text))
        case WebSocketFrame.ping:
            Array(payload).withUnsafeBytes {
                WebSocketFrame.append($0, opcode: WebSocketFrame.pong, mask: mask, to: &outbox)
            }
            write()
        case WebSocketFrame.close: return fail("the server closed the WebSocket", tell)
        default: break
        }
        return total
    }
}
