// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
internal import NIOCore
internal import NIOSSL

/// What an error of the channel says about the end of a connection.
enum RedisConnectionFailure {
    /// Whether the server has ended it, and so reads nothing more.
    static func isEndByServer(_ error: any Error) -> Bool {
        switch error {
        // The end of the stream without a farewell, as Redis ends TLS connections.
        case NIOSSLError.uncleanShutdown: true
        case let error as IOError: error.errnoCode == ECONNRESET || error.errnoCode == EPIPE
        default: false
        }
    }

    static func translate(_ error: any Error) -> RedisError {
        switch error {
        case let error as RedisError: error
        case NIOSSLError.uncleanShutdown:
            RedisError(.connectionLost, "the server closed the connection without a TLS farewell")
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            RedisError(.tls, "TLS with the server failed", cause: error)
        case is IOError: RedisError(.connectionLost, "the connection was lost", cause: error)
        default: RedisError(.connectionLost, "the connection failed", cause: error)
        }
    }
}
