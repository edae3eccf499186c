// Part of socketio-server, MIT licence; see LICENSE.

internal import FailureText
internal import Glibc
internal import NIOCore

/// Why a server cannot listen on an address.
public struct ListenError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of obstacle.
    public enum Reason: String, Sendable, Hashable, Codable, CaseIterable {
        /// Another process listens there.
        case addressInUse
        /// The process has no right to listen there: on a port below 1,024, or in a folder.
        case notPermitted
        /// The machine does not have this address.
        case noSuchAddress
        /// The host name has no address.
        case unknownHost
        /// Another failure; ``ListenError/description`` says which.
        case other
    }

    /// The kind of obstacle.
    public let reason: Reason
    /// The address: host and port, or the path of a Unix domain socket.
    public let address: String
    private let words: String

    /// The address and the reason as a sentence.
    public var description: String { "cannot listen on \(address): \(words)" }

    init(_ error: any Error, _ wanted: HTTPListener.Address) {
        address =
            switch wanted {
            case .tcp(let host, let port):
                host.utf8.contains(UInt8(ascii: ":")) ? "[\(ListenHost.bare(host))]:\(port)" : "\(host):\(port)"
            case .unix(let path): path
            }
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE: (reason, words) = (.addressInUse, "the address is in use")
        case EACCES, EPERM: (reason, words) = (.notPermitted, "the process has no right to listen there")
        // The second when the machine has no IPv6 at all.
        case EADDRNOTAVAIL, EAFNOSUPPORT: (reason, words) = (.noSuchAddress, "this machine does not have the address")
        default:
            let isUnknown = error is SocketAddressError.UnknownHost
            (reason, words) = isUnknown ? (.unknownHost, "the host is not known") : (.other, failureText(error))
        }
    }
}
