// Part of socketio-server, MIT licence; see LICENSE.

/// What log lines may say of ids and texts that come from peers.
package enum LogText {
    /// Four characters of both ends of a session id: enough to tell sessions apart, too little to use.
    package static func shortened(_ sid: String) -> String {
        // A request may name anything.
        guard sid.utf8.count > 12, sid.utf8.allSatisfy({ 0x20..<0x7F ~= $0 }) else { return "…" }
        return "\(sid.prefix(4))…\(sid.suffix(4))"
    }

    /// The first bytes of a peer's text: an operator recognises it, and it does not fill the log.
    package static func start(of text: String) -> String {
        text.utf8.count <= 128 ? text : String(decoding: text.utf8.prefix(128), as: UTF8.self) + "…"
    }
}
