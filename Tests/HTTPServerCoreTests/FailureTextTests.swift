// Part of socketio-server, MIT licence; see LICENSE.

import FailureText
import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import HTTPServerCore

/// What people are told about errors contains no names of functions and types, and no error numbers.
@Suite struct FailureTextTests {
    private struct Own: Error, CustomStringConvertible {
        let description = "the disk is full"
    }

    @Test(arguments: [
        (ECONNREFUSED, "nothing listens there"), (ECONNRESET, "the other side closed the connection"),
        (EPIPE, "the other side closed the connection"), (ETIMEDOUT, "the other side did not answer in time"),
        (ENETUNREACH, "the network does not reach the host"), (EMFILE, "no file descriptor is free"),
        (EACCES, "the process has no right to do this"), (ENOENT, "there is no such file"),
        (ENOSPC, "No space left on device"),
    ])
    func systemErrors(code: CInt, text: String) {
        #expect(failureText(IOError(errnoCode: code, reason: "connect(descriptor:addr:size:)")) == text)
    }

    @Test func errorsOfConnections() {
        #expect(failureText(ChannelError.connectTimeout(.seconds(1))) == "it took too long")
        #expect(failureText(ChannelError.ioOnClosedChannel) == "the connection has ended")
        #expect(failureText(ChannelError.eof) == "the connection has ended")
        #expect(failureText(ChannelError.operationUnsupported) == "the connection failed")
        #expect(failureText(EventLoopError.shutdown) == "the event loops have ended")
        #expect(failureText(CancellationError()) == "it was cancelled")
        #expect(failureText(SocketAddressError.failedToParseIPString("x")) == "'x' is no IP address")
    }

    @Test func errorsOfTLS() throws {
        #expect(
            failureText(NIOSSLError.uncleanShutdown) == "the other side closed the connection without a TLS farewell")
        #expect(failureText(NIOSSLExtraError.failedToValidateHostname) == "the certificate is for another host")
        #expect(
            failureText(NIOSSLError.handshakeFailed(.sslError([.eofDuringHandshake])))
                == "the other side closed the connection during the TLS handshake")
        #expect(failureText(BoringSSLError.zeroReturn) == "TLS failed")
        let error = try #require(throws: (any Error).self) { try NIOSSLCertificate.fromPEMFile("/none") }
        #expect(failureText(error) == "there is no such file" || failureText(error).contains("certificate"))
    }

    @Test func errorsThatDescribeThemselvesStay() {
        #expect(failureText(Own()) == "the disk is full")
    }

    /// As they come from the system.
    @Test func realFailures() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let server = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        let taken = await #expect(throws: (any Error).self) {
            _ = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: port).get()
        }
        #expect(taken.map { failureText($0) } == "the address is in use")
        try await server.close()
        let refused = await #expect(throws: (any Error).self) {
            _ = try await ClientBootstrap(group: group).connect(host: "127.0.0.1", port: port).get()
        }
        #expect(refused.map { failureText($0) } == "nothing listens there")
        let unknown = await #expect(throws: (any Error).self) {
            _ = try await ClientBootstrap(group: group).connect(host: "no-such-host.invalid", port: 1).get()
        }
        #expect(unknown.map { failureText($0) } == "the host 'no-such-host.invalid' is not known")
    }
}
