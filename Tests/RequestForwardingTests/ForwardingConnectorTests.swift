// Part of socketio-server, MIT licence; see LICENSE.

import Glibc
import HTTPServerCore
import NIOCore
import NIOPosix
import Testing

@testable import RequestForwarding

@Suite("Connections to other nodes, with the last descriptors")
struct ForwardingConnectorTests {
    /// In a process of its own, whose limit leaves nothing but the descriptors that are reserved.
    @Test("are not made, which is not the other node's fault")
    func lastDescriptors() async {
        await #expect(processExitsWith: .success) {
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            let node = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
            let port = try #require(node.localAddress?.port)
            let lowest = Int(open("/dev/null", O_RDONLY))
            close(CInt(lowest))
            // More than the one for the connection, which must not be what is missing.
            let limit = lowest + DescriptorLimit.reserve(of: lowest)
            var limits = rlimit(rlim_cur: rlim_t(limit), rlim_max: rlim_t(limit))
            guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0 else { exit(EXIT_FAILURE) }
            let address = try #require(ForwardingAddress("127.0.0.1:\(port)"))
            do {
                _ = try await ForwardingConnector.connect(
                    to: address, on: group.next(), timeout: .seconds(10), initialize: { _ in }
                ).get()
                exit(EXIT_FAILURE)
            } catch {
                exit(ForwardingFailure(connecting: error) == .overloaded ? EXIT_SUCCESS : EXIT_FAILURE)
            }
        }
    }

    @Test("a closed port is the other node's fault")
    func closedPort() async throws {
        // Bound and not listening: nobody else gets the port.
        let holder = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(holder) }
        var own = sockaddr_in()
        own.sin_family = sa_family_t(AF_INET)
        own.sin_addr.s_addr = in_addr_t(UInt32(0x7F00_0001).bigEndian)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &own) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(holder, $0, length) == 0 && getsockname(holder, $0, &length) == 0
            }
        }
        try #require(isBound)
        let address = try #require(ForwardingAddress("127.0.0.1:\(UInt16(bigEndian: own.sin_port))"))
        await #expect {
            try await ForwardingConnector.connect(
                to: address, on: MultiThreadedEventLoopGroup.singleton.next(), timeout: .seconds(10),
                initialize: { _ in }
            ).get()
        } throws: {
            ForwardingFailure(connecting: $0) == .unreachable
        }
    }
}
