// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOServer
import Testing

/// Blocks of pages that show only one or two, word for word.
enum PageExamples {
    private struct User { var id: String }

    private static func user(of socket: Socket) async throws -> User { User(id: socket.id) }

    /// `docs/rates.md`.
    static func rates() {
        var configuration = ServerConfiguration()
        configuration.rates.session.eventsPerSecond = 500
        configuration.rates.session.bytesPerSecond = 2 << 20
        configuration.rates.action = .delay
        let io = Server(configuration: configuration)
        io.use { socket in socket.rateIdentity = try await user(of: socket).id }
    }
}

@Suite struct PageExampleTests {
    @Test(arguments: ["docs/rates.md"])
    func everyBlockIsCompiled(page: String) throws {
        let blocks = Pages.blocks("swift", in: try Pages.text(page))
        let source = try Pages.text("Tests/DocumentTests/PageExamples.swift")
        #expect(!blocks.isEmpty)
        for block in blocks {
            let isThere = Pages.isCompiled(block, in: [source])
            #expect(isThere, "not compiled: \(block)")
        }
    }
}
