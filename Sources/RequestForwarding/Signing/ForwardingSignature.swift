// Part of socketio-server, MIT licence; see LICENSE.

internal import ByteText
internal import HTTPServerCore
internal import NIOHTTP1

/// The header by which one node vouches to another for a request: when, from which client, and that it has the key.
///
/// `v1;TIMESTAMP;NONCE;SECURE;CLIENT;SIGNATURE`, the signature over all before it, the method and the target. Headers
/// and body are not signed: anybody who can change them on the way can also read the session id.
struct ForwardingSignature: Equatable {
    static let header = "X-SIO-Forward"
    /// Tells in a 403 that it comes from the gate, and why.
    static let refusalHeader = "X-SIO-Forward-Refused"
    private static let version = "v1"

    /// Milliseconds since 1970.
    var timestamp: Int64
    /// See ``ForwardingNonce``; never used again.
    var nonce: String
    /// Whether the client speaks TLS.
    var isSecure: Bool
    /// The client's address; empty when it is not known.
    var client: String

    init(
        client: String, isSecure: Bool, timestamp: Int64 = WallClock.milliseconds(),
        nonce: String = ForwardingNonce.make()
    ) {
        self.timestamp = timestamp
        self.nonce = nonce
        self.isSecure = isSecure
        self.client = Self.isAddress(client) ? client : ""
    }

    /// The value of the header.
    func value(method: HTTPMethod, target: String, key: ForwardingKey) -> String {
        prefix + ";" + key.signature(of: signedText(method, target))
    }

    /// Reads a value; nil when it has another form. The signature is returned beside it, not looked at.
    static func parse(_ value: String) -> (ForwardingSignature, signature: String)? {
        guard value.utf8.count <= 256 else { return nil }
        let parts = value.split(byte: UInt8(ascii: ";"), omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 6, parts[0].hasSameBytes(as: version), parts[1].utf8.count <= 15,
            parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let timestamp = Int64(parts[1]),
            ForwardingNonce.isWellFormed(parts[2]), ["0", "1"].contains(parts[3]),
            isAddress(parts[4]) || parts[4].isEmpty
        else { return nil }
        let fields = ForwardingSignature(
            client: parts[4], isSecure: parts[3] == "1", timestamp: timestamp, nonce: parts[2])
        return (fields, parts[5])
    }

    /// Whether it was made with the key.
    func isSigned(_ signature: String, method: HTTPMethod, target: String, key: ForwardingKey) -> Bool {
        key.verifies(signature, of: signedText(method, target))
    }

    private var prefix: String { "\(Self.version);\(timestamp);\(nonce);\(isSecure ? 1 : 0);\(client)" }

    private func signedText(_ method: HTTPMethod, _ target: String) -> String {
        // Neither can hold a line break.
        "\(prefix)\n\(method.rawValue)\n\(target)"
    }

    /// Letters, digits and the punctuation of addresses, zones included.
    private static func isAddress(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: ":"), UInt8(ascii: "."), UInt8(ascii: "%"),
                    UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}
