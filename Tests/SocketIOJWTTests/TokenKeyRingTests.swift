// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import SocketIOCore
internal import SocketIOTesting
internal import Testing

@testable internal import SocketIOJWT

@Suite struct TokenKeyRingTests {
    private struct Away: Error {}

    /// A key set elsewhere that a test changes.
    private final class Source: Sendable {
        let state = NIOLockedValueBox<(set: [UInt8]?, fetches: Int)>((nil, 0))

        var fetches: Int { state.withLockedValue { $0.fetches } }

        func ring(interval: Duration = .seconds(3600), retry: Duration) -> TokenKeyRing {
            let remote = TokenKeyRing.Remote(interval: interval, retry: retry) {
                let set = self.state.withLockedValue { state in
                    state.fetches += 1
                    return state.set
                }
                guard let set else { throw Away() }
                return set
            }
            return TokenKeyRing(.none, remote: remote, algorithms: TokenAlgorithm.allCases)
        }
    }

    private let vectors: TokenVectors

    init() throws { vectors = try TokenVectors.load() }

    @Test func manyTokensWithUnknownKeysMakeOneFetch() async throws {
        let source = Source()
        let ring = source.ring(retry: .seconds(3600))
        await withTaskGroup { group in
            for _ in 0..<100 { group.addTask { _ = await ring.refresh() } }
        }
        #expect(source.fetches == 1)
        #expect(ring.keys.isEmpty)
        #expect(await ring.refresh() == false)
        #expect(source.fetches == 1)
    }

    @Test func keysStayWhileTheSetCannotBeFetched() async throws {
        let source = Source()
        source.state.withLockedValue { $0.set = try? vectors.keySet() }
        let ring = source.ring(interval: .milliseconds(5), retry: .milliseconds(5))
        let task = Task { await ring.run() }
        try await eventually("keys", within: .seconds(30)) { ring.keys.count == 5 }
        for broken in [nil, Array("{}".utf8), Array("<html>".utf8)] as [[UInt8]?] {
            let before = source.fetches
            source.state.withLockedValue { $0.set = broken }
            try await eventually("more fetches", within: .seconds(30)) { source.fetches > before + 2 }
            #expect(ring.keys.count == 5)
        }
        // The next good set takes the place of the old one.
        let next = try vectors.keySet(["keys": [vectors.otherJwk]])
        source.state.withLockedValue { $0.set = next }
        try await eventually("the new key", within: .seconds(30)) { ring.keys.knows("new") && !ring.keys.knows("rsa") }
        task.cancel()
        await task.value
    }

    @Test func givenKeysStayBesideTheFetched() async throws {
        let given = try await vectors.keys(.hs256)
        let set = try vectors.keySet()
        let remote = TokenKeyRing.Remote(interval: .seconds(3600), retry: .seconds(1)) { set }
        let ring = TokenKeyRing(given, remote: remote, algorithms: TokenAlgorithm.allCases)
        #expect(ring.keys.count == 1 && ring.fetched.isEmpty)
        #expect(await ring.refresh())
        #expect(ring.keys.count == 6 && ring.fetched.count == 5)
        #expect(await TokenKeyRing(given).refresh() == false)
    }
}
