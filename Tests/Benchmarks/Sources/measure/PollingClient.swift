// Part of socketio-server, MIT licence; see LICENSE.

/// A Socket.IO client of this machine which connects to `/` with long-polling, on two connections as a browser does. It blocks.
final class PollingClient {
    private let polls: BlockingSocket
    private let posts: BlockingSocket
    private let poll: [UInt8]
    private let target: String
    private var acknowledgements = 0

    init(port: Int) throws {
        polls = try BlockingSocket(port: port)
        posts = try BlockingSocket(port: port)
        let target = "/socket.io/?EIO=4&transport=polling"
        try polls.write(Self.poll(target))
        let open = String(decoding: try Self.answer(polls), as: UTF8.self)
        let parts = open.split(separator: "\"")
        // `0{"sid":"…`
        guard parts.count > 3, parts[1] == "sid" else {
            throw BlockingSocket.Failure(description: "no session: \(open)")
        }
        self.target = "\(target)&sid=\(parts[3])"
        poll = Self.poll(self.target)
        try post("40")
        try fetch()
    }

    /// Sends an event and fetches its acknowledgement.
    func echo(_ text: String) throws {
        // Of one length, so that each costs the same.
        acknowledgements = acknowledgements % 90 + 1
        try post("42\(acknowledgements + 9)[\"echo\",\"\(text)\"]")
        try fetch()
    }

    func close() {
        polls.close()
        posts.close()
    }

    private func post(_ body: String) throws {
        try posts.write(
            Array(
                """
                POST \(target) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain;charset=UTF-8\r\n\
                Content-Length: \(body.utf8.count)\r\n\r\n\(body)
                """.utf8))
        _ = try Self.answer(posts)
    }

    private func fetch() throws {
        try polls.write(poll)
        _ = try Self.answer(polls)
    }

    private static func poll(_ target: String) -> [UInt8] {
        Array("GET \(target) HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n".utf8)
    }

    /// The body of the answer to the last request.
    private static func answer(_ socket: BlockingSocket) throws -> [UInt8] {
        var body: [UInt8] = []
        try socket.receive { bytes in
            guard let found = HTTPAnswerText.body(bytes) else { return false }
            body = Array(found)
            return true
        }
        return body
    }
}
