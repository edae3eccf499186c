// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// What a client may take of a connection, in sizes and times. A listener's may be replaced while it runs.
package struct HTTPLimits: Sendable {
    /// Request line and headers together, in bytes; over it 431.
    package var maxRequestHeadSize = 16 * 1024
    /// Headers of one request; over it 431.
    package var maxHeaders = 100
    /// How long a request head may take to arrive, from the first byte or from the accept; then 408.
    package var headTimeout = TimeAmount.seconds(5)
    /// How long a request body may take to arrive; then 408.
    package var bodyTimeout = TimeAmount.seconds(10)
    /// How long a connection may rest between two requests.
    package var keepAliveTimeout = TimeAmount.seconds(5)
    /// How long a client may take none of an answer, plus a second for each 32 KiB of it.
    package var sendTimeout = TimeAmount.seconds(30)
    /// How long a request that nothing answers stays open (``HTTPExchange/leaveUnanswered()``).
    package var unansweredTimeout = TimeAmount.seconds(1)

    package init() {}
}

/// The limit that a client has exceeded.
package enum HTTPLimit: Sendable, Equatable, CaseIterable {
    /// A request head is too long, or the extensions and trailers of chunks together.
    case requestHeadSize
    /// A request has too many headers.
    case headerCount
    /// A request head took too long.
    case headTimeout
    /// A request body took too long.
    case bodyTimeout
    /// A client did not read its response in time.
    case sendTimeout
    /// Nothing answered an upgrade.
    case unansweredUpgrade
}

extension HTTPRequestError {
    /// The limit that the request exceeds; nil when it is at fault for another reason.
    package var limit: HTTPLimit? {
        switch self {
        case .headTooLarge, .chunksTooLarge: .requestHeadSize
        case .tooManyHeaders: .headerCount
        case .malformed, .expectationFailed, .unknownTransferCoding, .unsupportedVersion: nil
        }
    }
}
