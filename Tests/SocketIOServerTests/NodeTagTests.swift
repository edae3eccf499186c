// Part of socketio-server, MIT licence; see LICENSE.

import Testing

@testable import SocketIOServer

@Suite("Node tags")
struct NodeTagTests {
    @Test("a tag of another form is an error of the configuration")
    func wrongTag() async throws {
        for tag in ["", "abc", "abcde", "a c\u{e9}", "a/bc"] {
            var configuration = ServerConfiguration()
            configuration.engine.nodeTag = tag
            let io = Server(configuration: configuration)
            let error = await #expect(throws: EngineConfigurationError.self) { try await io.listen() }
            #expect(error?.problems.contains { $0.hasPrefix("nodeTag ") } == true)
            await io.close()
        }
    }

    @Test("servers of a process have different tags, unless they are given one")
    func differentTags() async throws {
        let configuration = ServerConfiguration()
        var given = configuration
        given.engine.nodeTag = "same"
        let servers = (0..<20).map { _ in Server(configuration: configuration) }
        #expect(Set(servers.map(\.configuration.engine.nodeTag)).count == 20)
        // The first has the tag that the configuration shows.
        #expect(servers[0].configuration.engine.nodeTag == configuration.engine.nodeTag)
        let pair = [Server(configuration: given), Server(configuration: given)]
        #expect(pair.map(\.configuration.engine.nodeTag) == ["same", "same"])
        for server in servers + pair { await server.close() }
    }
}
