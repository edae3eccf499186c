// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
internal import NIOConcurrencyHelpers

/// Secure random bytes in store: the system is asked for 256 at a time, the most it gives at once, instead of for each id.
///
/// What has been given out is erased, so that memory never holds the bits of an id beside the id itself.
final class RandomPool: Sendable {
    private struct Store {
        var words: [UInt64] = []
        var left = 0
    }

    private static let capacity = 32

    static let shared = RandomPool()

    private let store = NIOLockedValueBox(Store())

    /// Two words that nobody else gets. From any thread.
    func draw() -> (UInt64, UInt64) {
        store.withLockedValue { store in
            if store.left < 2 { Self.fill(&store) }
            let drawn = (store.words[store.left - 1], store.words[store.left - 2])
            store.words[store.left - 1] = 0
            store.words[store.left - 2] = 0
            store.left -= 2
            return drawn
        }
    }

    private static func fill(_ store: inout Store) {
        if store.words.isEmpty { store.words = Array(repeating: 0, count: capacity) }
        store.left = capacity
        #if os(Linux)
            let isFilled = store.words.withUnsafeMutableBytes { getentropy($0.baseAddress, $0.count) == 0 }
            if isFilled { return }
        #endif
        var source = SystemRandomNumberGenerator()
        for index in store.words.indices { store.words[index] = source.next() }
    }
}
