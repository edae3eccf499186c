// Part of socketio-server, MIT licence; see LICENSE.

/// A text to look for; ASCII letters match in either case.
struct SearchPattern: Sendable {
    private let bytes: [UInt8]

    init(_ text: String) { bytes = text.utf8.map(Self.small) }

    private static func small(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte + 32 : byte
    }

    func matches(_ text: String) -> Bool {
        let text = text.utf8.map(Self.small)
        guard !bytes.isEmpty, text.count >= bytes.count else { return false }
        return (0...(text.count - bytes.count)).contains { start in
            text[start] == bytes[0] && text[start..<(start + bytes.count)].elementsEqual(bytes)
        }
    }
}
