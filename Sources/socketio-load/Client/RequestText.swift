// Part of socketio-server, MIT licence; see LICENSE.

/// The HTTP requests of a run; what is equal for all clients of a target is made once.
struct RequestText {
    private let starts: [String]
    private let ends: [String]

    init(_ plan: LoadPlan) {
        let extra = plan.headers.map { "\($0)\r\n" }.joined()
        starts = plan.targets.map { "\($0.path)?EIO=4&transport=" }
        ends = plan.targets.map { " HTTP/1.1\r\nHost: \($0.authority)\r\n\(extra)" }
    }

    func webSocket(target: Int, sessionID: String) -> String {
        let session = sessionID.isEmpty ? "" : "&sid=\(sessionID)"
        return "GET \(starts[target])websocket\(session)\(ends[target])Upgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \(WebSocketFrame.key)\r\n\r\n"
    }

    /// The request of a handshake over long-polling.
    func handshake(target: Int) -> String { "GET \(starts[target])polling\(ends[target])\r\n" }

    func polling(target: Int, sessionID: String) -> PollingRequests {
        let path = "\(starts[target])polling&sid=\(sessionID)\(ends[target])"
        return PollingRequests(
            get: Array("GET \(path)\r\n".utf8),
            postStart: Array("POST \(path)Content-Type: text/plain;charset=UTF-8\r\nContent-Length: ".utf8))
    }
}

/// What one polling session sends again and again.
struct PollingRequests {
    let get: [UInt8]
    /// Everything before the length of the body.
    fileprivate let postStart: [UInt8]

    func appendPost(_ body: [UInt8], to target: inout [UInt8]) {
        target.append(contentsOf: postStart)
        target.append(decimal: UInt32(truncatingIfNeeded: body.count))
        target.append(contentsOf: PollingRequests.endOfHead)
        target.append(contentsOf: body)
    }

    private static let endOfHead = Array("\r\n\r\n".utf8)
}
