// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOHTTP1

/// A parsed request head together with its bytes, so that a head with the same bytes need not be parsed again.
///
/// A long-polling client sends hundreds of requests on a connection, with headers that do not differ by a byte. Equal
/// bytes have the same meaning, so nothing that the parser refuses is accepted here.
struct RequestHeadCache {
    /// Longer heads are not stored, because they would double the memory that a connection needs.
    private static let maximumSize = 2048

    private var head: RequestHead?
    private var text: [UInt8] = []
    /// The length of the request line with its line end.
    private var lineLength = 0

    var isUsable: Bool { head != nil }

    /// Stores a head that was parsed from `text`, except that of an upgrade, which is the last of its connection.
    mutating func remember(_ head: RequestHead, _ text: UnsafeRawBufferPointer) {
        guard text.count <= Self.maximumSize, !head.isUpgrade, let lineFeed = text.firstOffset(of: 0x0A) else {
            self.head = nil
            return
        }
        self.head = head
        self.text.removeAll(keepingCapacity: true)
        self.text.append(contentsOf: text)
        lineLength = lineFeed + 1
    }

    /// The head at the front of `bytes` and its length, if it equals the stored one or differs only in the request
    /// line. In the latter case it replaces the stored head.
    mutating func match(
        _ bytes: UnsafeRawBufferPointer, maximumSize: Int,
        parseLine: (UnsafeRawBufferPointer) -> (method: HTTPMethod, target: String, version: HTTPVersion)?
    ) -> (RequestHead?, length: Int) {
        guard let head else { return (nil, 0) }
        let isSame = text.withUnsafeBytes { text in
            bytes.count >= text.count && UnsafeRawBufferPointer(rebasing: bytes[..<text.count]).equals(text)
        }
        if isSame { return (head, text.count) }
        let fields = text.count - lineLength
        guard let lineFeed = bytes.firstOffset(of: 0x0A), lineFeed > 0, bytes[lineFeed - 1] == 0x0D else {
            return (nil, 0)
        }
        let length = lineFeed + 1 + fields
        guard bytes.count >= length, length <= min(maximumSize, Self.maximumSize) else { return (nil, 0) }
        let hasSameFields = text.withUnsafeBytes { text in
            UnsafeRawBufferPointer(rebasing: bytes[(lineFeed + 1)..<length])
                .equals(UnsafeRawBufferPointer(rebasing: text[lineLength...]))
        }
        let line = UnsafeRawBufferPointer(rebasing: bytes[..<(lineFeed - 1)])
        // The version decides what the headers mean (`HeadSemantics`).
        guard hasSameFields, let parsed = parseLine(line), parsed.version == head.version else { return (nil, 0) }
        let changed = head.with(method: parsed.method, target: parsed.target)
        self.head = changed
        text.replaceSubrange(..<lineLength, with: bytes[..<(lineFeed + 1)])
        lineLength = lineFeed + 1
        return (changed, length)
    }
}
