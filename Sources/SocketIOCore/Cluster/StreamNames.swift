// Part of socketio-server, MIT licence; see LICENSE.

/// Which Redis stream carries the messages of a namespace (protocol 5.8).
package struct StreamNames: Sendable, Hashable {
    private let name: String
    private let count: Int

    /// - Parameter count: How many streams there are; at least 1.
    package init(name: String = "socket.io", count: Int = 1) {
        self.name = name
        self.count = max(count, 1)
    }

    /// The stream that messages of a namespace are written to.
    package func stream(of namespace: String) -> String {
        count == 1 ? name : "\(name)-\((Int(Self.hash(namespace)) & 0x7FFF_FFFF) % count)"
    }

    /// Every stream to read. Node servers write messages of some namespaces to streams with a negative number.
    package var all: [String] {
        count == 1 ? [name] : ((1 - count)..<count).map { "\(name)-\($0)" }.sorted { $0.utf8.count < $1.utf8.count }
    }

    /// Java's hash of a string: 31 times what was before plus the next UTF-16 unit, in 32 bits.
    static func hash(_ text: String) -> Int32 {
        var hash: Int32 = 0
        for unit in text.utf16 { hash = hash &* 31 &+ Int32(unit) }
        return hash
    }
}
