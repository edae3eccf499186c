// Part of socketio-server, MIT licence; see LICENSE.

internal import Crypto

/// One request, signed.
struct WebhookRequest: Sendable {
    static let timestampHeader = "X-Socketio-Timestamp"
    static let signatureHeader = "X-Socketio-Signature"

    let body: String
    /// Seconds since 1970, and part of what is signed: a receiver refuses old requests that somebody sends again.
    let timestamp: String
    /// `sha256=` and the HMAC of the time, a point and the body, as hexadecimal digits.
    let signature: String

    init(_ events: [String], secret: String, seconds: Int64) {
        self.init(body: #"{"events":["# + events.joined(separator: ",") + "]}", secret: secret, seconds: seconds)
    }

    /// Another request that is signed in the same way.
    init(body: String, secret: String, seconds: Int64) {
        self.body = body
        timestamp = "\(seconds)"
        let code = HMAC<SHA256>.authenticationCode(
            for: Array("\(timestamp).\(body)".utf8), using: SymmetricKey(data: Array(secret.utf8)))
        signature = "sha256=" + code.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
