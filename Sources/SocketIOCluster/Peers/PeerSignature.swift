// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
package import EngineIOServer
package import NIOCore

/// Signs the messages between nodes of this kind, so that a program that can only publish cannot pose as a node.
///
/// A message is one JSON object. The signer appends a time and a random number to its members, and the signature last:
///
///     {"type":"alive", … ,"at":1767225600000,"nonce":"…20 characters…","sig":"…64 hexadecimal digits…"}
///
/// The signature is HMAC-SHA256 with the secret of the cluster, over a fixed text for this purpose, the channel, and
/// all bytes before `,"sig":`. A signature is therefore not valid for another channel, cluster or purpose. Nodes
/// without signatures read such a message like any other.
struct PeerSignature: Sendable {
    /// How far the clocks of two nodes may differ, in milliseconds, including the time of transfer. The same value as
    /// for requests that nodes forward to each other.
    static let window: Int64 = 30_000
    /// An upper bound for the bytes that a signature adds to a message.
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
        // The closing brace is added again after the signature.
        signed.moveWriterIndex(to: max(signed.readerIndex, signed.writerIndex - 1))
        signed.writeString(",\"at\":\(time),\"nonce\":\"\(RandomID.make())\"")
        let signature = key.signature(of: Self.signedBytes(signed.readableBytesView, channel))
        signed.writeBytes(Self.opening)
        signed.writeString(signature)
        signed.writeBytes(Self.closing)
        return signed
    }

    /// Checks that a message ends in a valid signature, without reading anything else of it; nil when it does.
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
        // Neither of the two can contain a line break.
        bytes.append(contentsOf: "\(purpose)\n\(channel)\n".utf8)
        bytes.append(contentsOf: message)
        return bytes
    }
}

/// Why a message on the nodes' own channels is not accepted.
package enum PeerRefusal: String, CaseIterable, Sendable {
    case unsigned
    case wrongKey = "wrong_key"
    case stale
    case replayed

    /// What an operator can do.
    var advice: String {
        switch self {
        case .unsigned:
            "give all nodes the same cluster.secret; if they have it, another program publishes on their channels"
        case .wrongKey: "give all nodes the same cluster.secret"
        case .stale: "set the clocks of the nodes: they are more than \(PeerSignature.window / 1000) s apart"
        case .replayed: "another program repeats messages that the nodes have sent"
        }
    }
}

/// Accepts each message of other nodes once, if it has a valid signature, a current time and a new random number.
///
/// The random numbers of accepted messages are remembered for as long as their time counts as current, so only holders
/// of the secret can make the memory grow.
package struct PeerVerifier: Sendable {
    private let signature: PeerSignature
    private var nonces = NonceMemory(lifetime: 2 * PeerSignature.window)

    package init(_ key: ForwardingKey) {
        signature = PeerSignature(key: key)
    }

    /// Reads a message.
    ///
    /// - Parameter read: reads the message; it is not called without a valid signature.
    /// - Throws: ``PeerRefused`` for a message that is not accepted, and the errors of `read`.
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

/// The error for a message that is not accepted.
package struct PeerRefused: Error {
    let reason: PeerRefusal
}
