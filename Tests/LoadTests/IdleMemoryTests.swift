// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import ProcessTesting
import Testing

/// Keeps the memory of an idle connection where `docs/performance.md` says it is.
@Suite(.serialized) struct IdleMemoryTests {
    /// A WebSocket with one socket in `/`, and the listeners of the bench application. It takes 4.3 KiB; the rest is for
    /// other allocators, pages half used, and headers of other clients.
    private static let bound = 6 * 1024.0

    @Test(.timeLimit(.minutes(3))) func anIdleConnectionIsSmall() async throws {
        let server = try RunningProcess(
            BuiltProduct.path("socketio-conformance-server"), ["--app", "bench", "--port", "0"],
            descriptors: 1024)
        defer { server.kill() }
        let port = try await server.line { line in
            line.hasPrefix("listening ") ? Int(line.dropFirst("listening ".count)) : nil
        }
        let load = try RunningProcess(
            BuiltProduct.path("socketio-load"),
            [
                "idle", "--target", "http://127.0.0.1:\(port)", "--connections", "700", "--warmup", "0s", "--duration",
                "500ms", "--json", "--quiet",
            ], descriptors: 1024, errors: false)
        defer { load.kill() }
        #expect(try await load.exitCode() == 0)
        let report = try JSONDecoder().decode(Figures.self, from: Data(load.output.utf8))
        let bytes = try #require(report.residentPerConnection)
        #expect(bytes > 1024 && bytes <= Self.bound, "\(bytes) bytes for one connection more")
    }

    private struct Figures: Decodable {
        let residentPerConnection: Double?
    }
}
