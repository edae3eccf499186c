// Part of socketio-server, MIT licence; see LICENSE.

/// What makes a signed request different from every other one: 20 letters of `[A-Za-z0-9_-]`, 120 random bits.
enum ForwardingNonce {
    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    private static let length = 20

    /// A fresh one, from the system's secure random source.
    static func make() -> String {
        var source = SystemRandomNumberGenerator()
        var bits: UInt64 = 0
        return String(unsafeUninitializedCapacity: length) { target in
            for index in 0..<length {
                // A draw has bits for ten letters.
                if index.isMultiple(of: 10) { bits = source.next() }
                target.initializeElement(at: index, to: letters[Int(bits & 63)])
                bits >>= 6
            }
            return length
        }
    }

    /// Whether `text` has the length and the letters of a nonce.
    static func isWellFormed(_ text: String) -> Bool {
        text.utf8.count == length
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}
