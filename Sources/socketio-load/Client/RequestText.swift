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

    func poll(target: Int, sessionID: String) -> String {
        let session = sessionID.isEmpty ? "" : "&sid=\(sessionID)"
        return "GET \(starts[target])polling\(session)\(ends[target])\r\n"
    }

    /// Everything before the body.
    func post(target: Int, sessionID: String, length: Int) -> String {
        "POST \(starts[target])polling&sid=\(sessionID)\(ends[target])Content-Type: text/plain;charset=UTF-8\r\n"
            + "Content-Length: \(length)\r\n\r\n"
    }
}
