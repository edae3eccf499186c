// Part of socketio-server, MIT licence; see LICENSE.

internal import Crypto
internal import Foundation
internal import SocketIOServer

/// What a browser shows to be the same person as before, without a login elsewhere: an id, signed by the chat.
///
/// `id.mac` is for good; `id.time.mac`, which one device shows to another, ends at that time.
struct PersonToken: Sendable {
    private let key: SymmetricKey

    /// - Parameter secret: what all servers of the chat share.
    init(secret: String) { key = SymmetricKey(data: Array(SHA256.hash(data: Array(secret.utf8)))) }

    /// The token of a person.
    func token(for id: String) -> String { sign(id) }

    /// A code with which another device becomes the same person until `time`, in milliseconds since 1970.
    func code(for id: String, until time: Int64) -> String { sign("\(id).\(time)") }

    /// The person a token belongs to; nil when this chat has not signed it.
    func person(of token: String) -> String? {
        guard let content = verified(token), ChatID.isValid(content) else { return nil }
        return content
    }

    /// The person a code belongs to; nil when it is not one or its time is over.
    func person(ofCode code: String, now: Int64) -> String? {
        guard let content = verified(code) else { return nil }
        let parts = content.utf8.split(separator: UInt8(ascii: ".")).map { String(Substring($0)) }
        guard parts.count == 2, let end = Int64(parts[1]), now < end, ChatID.isValid(parts[0]) else { return nil }
        return parts[0]
    }

    private func sign(_ content: String) -> String {
        "\(content).\(ChatID.base64(HMAC<SHA256>.authenticationCode(for: Array(content.utf8), using: key)))"
    }

    private func verified(_ token: String) -> String? {
        guard token.utf8.count <= 256, let dot = token.utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
        let content = String(token[..<dot])
        let expected = Array(sign(content).utf8)
        let given = Array(token.utf8)
        guard expected.count == given.count else { return nil }
        // In constant time.
        return zip(expected, given).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0 ? content : nil
    }
}
