// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// What people are told about an error, in logs, messages and the output of commands.
///
/// The errors of system calls, SwiftNIO and TLS name functions, types and error numbers. They become plain English here. All
/// other errors are expected to describe themselves. From any thread.
package func failureText(_ error: any Error) -> String {
    switch error {
    case let error as IOError: systemText(error.errnoCode)
    case let error as NIOConnectionError:
        if let failure = error.connectionErrors.last { failureText(failure.error) } else { unknownHost(error.host) }
    case let error as SocketAddressError.UnknownHost: unknownHost(error.host)
    case let error as SocketAddressError: addressText(error)
    case let error as ChannelError: channelText(error)
    case is ChannelPipelineError: "the connection has ended"
    case EventLoopError.shutdown: "the event loops have ended"
    case is CancellationError, is EventLoopError: "it was cancelled"
    case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError, is NIOSSLCloseTimedOutError: tlsText(error)
    default: "\(error)"
    }
}

private func unknownHost(_ host: String) -> String { "the host '\(host)' is not known" }

private func systemText(_ code: CInt) -> String {
    switch code {
    case ECONNREFUSED: "nothing listens there"
    case ECONNRESET, EPIPE: "the other side closed the connection"
    case ETIMEDOUT: "the other side did not answer in time"
    case EHOSTUNREACH, ENETUNREACH: "the network does not reach the host"
    case EADDRINUSE: "the address is in use"
    case EADDRNOTAVAIL: "this machine does not have the address"
    case EACCES, EPERM: "the process has no right to do this"
    case EMFILE, ENFILE: "no file descriptor is free"
    case ENOENT: "there is no such file"
    default: String(cString: strerror(code))
    }
}

private func addressText(_ error: SocketAddressError) -> String {
    switch error {
    case .unsupported: "addresses of this kind are not supported"
    case .unixDomainSocketPathTooLong: "the path of the Unix domain socket is too long"
    case .failedToParseIPString(let text): "'\(text)' is no IP address"
    default: "the host is not known"
    }
}

private func channelText(_ error: ChannelError) -> String {
    switch error {
    case .connectTimeout: "it took too long"
    case .eof, .ioOnClosedChannel, .alreadyClosed, .inputClosed, .outputClosed: "the connection has ended"
    case .writeHostUnreachable: systemText(EHOSTUNREACH)
    default: "the connection failed"
    }
}

/// The cause that the TLS library names, in words where it is a usual one.
private func tlsText(_ error: any Error) -> String {
    switch error {
    case NIOSSLError.uncleanShutdown: return "the other side closed the connection without a TLS farewell"
    case NIOSSLError.failedToLoadCertificate: return "the certificate cannot be read"
    case NIOSSLError.failedToLoadPrivateKey: return "the private key cannot be read"
    case NIOSSLError.noSuchFilesystemObject: return systemText(ENOENT)
    case NIOSSLError.unableToValidateCertificate, NIOSSLError.noCertificateToValidate:
        return "the certificate cannot be checked"
    case let error as NIOSSLExtraError where error == .failedToValidateHostname:
        return "the certificate is for another host"
    default: break
    }
    let text = "\(error)"
    let known = [
        ("CERTIFICATE_VERIFY_FAILED", "the certificate is not trusted"),
        ("WRONG_VERSION_NUMBER", "the other side does not speak TLS"),
        ("HTTP_REQUEST", "the other side does not speak TLS"),
        ("ALERT_UNKNOWN_CA", "the other side does not trust the certificate"),
        ("CERTIFICATE_REQUIRED", "the other side asks for a certificate"),
        ("UNSUPPORTED_PROTOCOL", "the two sides have no version of TLS in common"),
        ("EOF during handshake", "the other side closed the connection during the TLS handshake"),
    ]
    if let words = known.first(where: { text.contains($0.0) })?.1 { return words }
    let marker = "OPENSSL_internal:"
    guard let found = text.ranges(of: marker).first else { return "TLS failed" }
    let name = text[found.upperBound...].prefix { $0.isLetter || $0 == "_" || $0.isNumber }
    return "TLS failed: \(name.lowercased().map { $0 == "_" ? " " : String($0) }.joined())"
}
