// Part of socketio-server, MIT licence; see LICENSE.

internal import Crypto

/// What nodes sign requests to each other with. Shows itself nowhere.
public struct ForwardingKey: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    package static let minimumBytes = 16

    private let bytes: [UInt8]

    /// A secret all nodes share.
    public init(_ secret: String) {
        bytes = Array(secret.utf8)
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// 256 bits from the system's secure random source.
    public static func random() -> ForwardingKey {
        var rng = SystemRandomNumberGenerator()
        return ForwardingKey(bytes: (0..<32).map { _ in UInt8.random(in: 0...255, using: &rng) })
    }

    /// A key as another node tells it; nil when it is not one.
    package init?(hex: String) {
        guard let bytes = Self.bytes(hex: hex), (Self.minimumBytes...128).contains(bytes.count) else { return nil }
        self.bytes = bytes
    }

    /// The key as this node tells it to the others.
    package var hex: String { Self.hex(bytes) }

    package var byteCount: Int { bytes.count }

    /// HMAC-SHA256 in hexadecimal digits.
    func signature(of text: String) -> String { signature(of: Array(text.utf8)) }

    /// HMAC-SHA256 in hexadecimal digits.
    package func signature(of data: [UInt8]) -> String {
        Self.hex(HMAC<SHA256>.authenticationCode(for: data, using: SymmetricKey(data: bytes)))
    }

    /// Whether it is the signature of `text`; takes the same time for every wrong one.
    func verifies(_ signature: String, of text: String) -> Bool { verifies(signature, of: Array(text.utf8)) }

    /// Whether it is the signature of `data`; the comparison takes constant time.
    package func verifies(_ signature: String, of data: [UInt8]) -> Bool {
        guard let code = Self.bytes(hex: signature), code.count == SHA256.byteCount else { return false }
        return HMAC<SHA256>.isValidAuthenticationCode(
            code, authenticating: data, using: SymmetricKey(data: bytes))
    }

    /// Three dots.
    public var description: String { "…" }

    /// Nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(64)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func bytes(hex: String) -> [UInt8]? {
        guard hex.utf8.count <= 256, hex.utf8.count.isMultiple(of: 2) else { return nil }
        var result: [UInt8] = []
        var high: UInt8?
        for byte in hex.utf8 {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            default: return nil
            }
            if let first = high {
                result.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return result
    }
}
