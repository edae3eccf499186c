// Part of socketio-server, MIT licence; see LICENSE.

package import Logging
package import NIOSSL

/// The settings of a listener and its connections. Limits and origins may be replaced later
/// (``HTTPLoopSettingsTable``).
package struct HTTPServerConfiguration: Sendable {
    /// TLS settings of the listener; nil for plaintext. Versions before 1.2 are never used.
    package var tls: TLSConfiguration?
    /// The proxies whose `X-Forwarded-…` headers and PROXY headers the server uses.
    package var trustedProxies = TrustedProxies([])
    /// Whether connections of trusted proxies begin with a PROXY header.
    package var proxyProtocol = false
    /// Whether the listener refuses connections before the last descriptors are used.
    package var leavesDescriptors = true
    /// How many bytes of an unwanted body are read to keep the connection.
    package var discardBudget = 1024 * 1024
    /// Limits and origins at the start.
    package var limits = HTTPLimits()
    package var cors: CORSConfiguration?
    package var logger = Logger(label: "http")

    package init() {}
}
