// Part of socketio-server, MIT licence; see LICENSE.

internal import Crypto
internal import Foundation
internal import SocketIOServer

/// Ids of persons, rooms, files and messages: 1 to 64 letters, digits, `-` and `_`.
enum ChatID {
    /// Whether a text from a client can be an id.
    static func isValid(_ text: String, maximum: Int = 64) -> Bool {
        let bytes = text.utf8
        guard (1...maximum).contains(bytes.count) else { return false }
        return bytes.allSatisfy { isLetter($0) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// A new one that nobody can guess: 16 letters and digits.
    static func random() -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
        var generator = SystemRandomNumberGenerator()
        return String(decoding: (0..<16).map { _ in letters[Int.random(in: 0..<32, using: &generator)] }, as: UTF8.self)
    }

    /// The id that belongs to a text, the same on every server.
    static func of(_ text: String) -> String {
        base64(Array(SHA256.hash(data: Array(text.utf8))).prefix(15))
    }

    /// Base64 for URLs, without padding.
    static func base64(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        for byte in Data(bytes).base64EncodedString().utf8 {
            switch byte {
            case UInt8(ascii: "+"): text.append(UInt8(ascii: "-"))
            case UInt8(ascii: "/"): text.append(UInt8(ascii: "_"))
            case UInt8(ascii: "="): break
            default: text.append(byte)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// Where something is said, as its key tells: all keys are ASCII and made by the server.
enum RoomKey {
    /// A community itself: its title and its members.
    case community(String)
    /// A channel of a community.
    case channel(community: String, id: String)
    /// A conversation between two, whose ids are in the key.
    case direct(String, String)
    /// A conversation of several.
    case group(String)

    /// The largest size of a key.
    static let maximumBytes = 160

    /// Nil for what no room can be called.
    init?(_ text: String) {
        guard text.utf8.count <= Self.maximumBytes else { return nil }
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map {
            String(Substring($0))
        }
        guard parts.count >= 2, parts.dropFirst().allSatisfy({ ChatID.isValid($0) }) else { return nil }
        switch (Array(parts[0].utf8), parts.count) {
        case ([UInt8(ascii: "s")], 2): self = .community(parts[1])
        case ([UInt8(ascii: "c")], 3): self = .channel(community: parts[1], id: parts[2])
        case ([UInt8(ascii: "d")], 3):
            guard parts[1].precedesByBytes(parts[2]) else { return nil }
            self = .direct(parts[1], parts[2])
        case ([UInt8(ascii: "g")], 2): self = .group(parts[1])
        default: return nil
        }
    }

    /// Whether it belongs to its people, and nobody else can enter.
    var isConversation: Bool {
        switch self {
        case .direct, .group: true
        case .community, .channel: false
        }
    }

    /// The conversation between two people; it does not matter who begins it.
    static func direct(between one: String, and other: String) -> RoomKey {
        one.precedesByBytes(other) ? .direct(one, other) : .direct(other, one)
    }

    var text: String {
        switch self {
        case .community(let id): "s:\(id)"
        case .channel(let community, let id): "c:\(community):\(id)"
        case .direct(let one, let other): "d:\(one):\(other)"
        case .group(let id): "g:\(id)"
        }
    }
}
