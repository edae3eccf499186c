// Part of socketio-server, MIT licence; see LICENSE.

import Glibc
import NIOCore
import NIOPosix
import ProcessTesting
import Testing

@testable import HTTPServerCore

@Suite("A listener without descriptors")
struct DescriptorGuardTests {
    /// In a process of its own, whose limit is set to what it has open: accept(2) fails, and the client is refused with the
    /// descriptor that was kept in reserve.
    @Test("refuses clients when accept(2) fails")
    func acceptFails() async {
        await #expect(processExitsWith: .success) {
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            let listener = try await HTTPListener.bind(
                to: .tcp(host: "127.0.0.1", port: 0), group: group,
                server: HTTPServer(configuration: HTTPServerConfiguration(), service: ScriptedService()))
            let lowest = open("/dev/null", O_RDONLY)
            close(lowest)
            // The last one is for the client.
            var limit = rlimit(rlim_cur: rlim_t(lowest + 1), rlim_max: rlim_t(lowest + 1))
            guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { exit(EXIT_FAILURE) }
            var client = try BlockingClient(port: try #require(listener.port))
            try client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            let answer = String(decoding: try client.receiveAll(), as: UTF8.self)
            exit(answer.hasPrefix("HTTP/1.1 503 ") ? EXIT_SUCCESS : EXIT_FAILURE)
        }
    }
}
