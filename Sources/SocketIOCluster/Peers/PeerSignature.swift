// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
package import EngineIOServer
package import NIOCore

/// Signs what nodes of this kind tell each other, so that somebody who can only publish cannot pose as one.
///
/// A message is one JSON object. Its time and a random number are put behind its other members, and the signature last:
///
///     {"type":"alive", … ,"at":1767225600000,"nonce":"…20 characters…","sig":"…64 hexadecimal digits…"}
///
/// The signature is HMAC-SHA256 with the secret of the cluster, over a word for this purpose, the channel, and all bytes
/// before `,"sig":`. So a signature for one channel, cluster or purpose is none for another. Nodes that know nothing of
/// signatures read such a message as any other.
struct PeerSignature: Sendable {
    /// How far the clocks of two nodes may be apart, in milliseconds, the way between them included. The same as for
    /// requests that nodes carry to each other.
    static let window: Int64 = 30_000
    /// More bytes than a signature adds to a message.
    static let overhead = 192
    private static let purpose = "socketio-server node message v1"
    private static let opening = Array(#","sig":""#.utf8)
    private static let closing = Array(#""}"#.utf8)
    private static let digits = 64

    let key: ForwardingKey

    /// Adds time, random number and signature to a message.
    ///
    /// - Parameter text: a JSON object with at least one member.
    func sign(_ text: ByteBuffer, for channel: String, at time: Int64 = WallClock.milliseconds()) -> ByteBuffer {
        var signed = text
        // The brace at its end comes back behind the signature.
        signed.moveWriterIndex(to: max(signed.readerIndex, signed.writerIndex - 1))
        signed.writeString(",\"at\":\(time),\"nonce\":\"\(RandomID.make())\"")
        let signature = key.signature(of: Self.signedBytes(signed.readableBytesView, channel))
        signed.writeBytes(Self.opening)
        signed.writeString(signature)
        signed.writeBytes(Self.closing)
        return signed
    }

    /// Whether a message ends in a signature, and in the right one. Nothing else of it is read.
    func refusal(of message: ByteBuffer, on channel: String) -> PeerRefusal? {
        let bytes = message.readableBytesView
        let tail = bytes.suffix(Self.opening.count + Self.digits + Self.closing.count)
        guard tail.starts(with: Self.opening), tail.suffix(Self.closing.count).elementsEqual(Self.closing) else {
            return .unsigned
        }
        let signature = String(decoding: tail.dropFirst(Self.opening.count).prefix(Self.digits), as: UTF8.self)
        let signed = Self.signedBytes(bytes.prefix(bytes.count - tail.count), channel)
        return key.verifies(signature, of: signed) ? nil : .wrongKey
    }

    private static func signedBytes(_ message: some Collection<UInt8>, _ channel: String) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(message.count + channel.utf8.count + 64)
        // Neither can hold a line break.
        bytes.append(contentsOf: "\(purpose)\n\(channel)\n".utf8)
        bytes.append(contentsOf: message)
        return bytes
    }
}

/// Why a message on the channels of the nodes is not from one.
package enum PeerRefusal: String, CaseIterable, Sendable {
    case unsigned
    case wrongKey = "wrong_key"
    case stale
    case replayed

    /// What an operator can do.
    var advice: String {
        switch self {
        case .unsigned:
            "give all nodes the same cluster.secret; if they have it, somebody else publishes on their channels"
        case .wrongKey: "give all nodes the same cluster.secret"
        case .stale: "set the clocks of the nodes: they are more than \(PeerSignature.window / 1000) s apart"
        case .replayed: "somebody repeats what nodes send each other"
        }
    }
}

/// Lets messages of other nodes in once: signed, of now, and not seen before.
///
/// The random numbers of what was let in are remembered for as long as it would count as of now, so memory is bounded by
/// what holders of the secret send.
package struct PeerVerifier: Sendable {
    private let signature: PeerSignature
    private var nonces = NonceMemory(lifetime: 2 * PeerSignature.window)

    package init(_ key: ForwardingKey) {
        signature = PeerSignature(key: key)
    }

    /// Reads a message.
    ///
    /// - Parameter read: is not called for what is not rightly signed.
    /// - Throws: ``PeerRefused`` for what is not to be believed, and what `read` throws.
    package mutating func admit(
        _ bytes: ByteBuffer, on channel: String, now: Int64 = WallClock.milliseconds(),
        read: (ByteBuffer) throws -> PeerMessage
    ) throws -> PeerMessage {
        if let refusal = signature.refusal(of: bytes, on: channel) { throw PeerRefused(reason: refusal) }
        let message = try read(bytes)
        let (age, overflow) = now.subtractingReportingOverflow(message.at ?? 0)
        guard let nonce = message.nonce, !overflow, age >= -PeerSignature.window, age <= PeerSignature.window else {
            throw PeerRefused(reason: .stale)
        }
        guard nonces.remember(nonce, now: now) else { throw PeerRefused(reason: .replayed) }
        return message
    }
}

/// A message that is not believed.
package struct PeerRefused: Error {
    let reason: PeerRefusal
}
