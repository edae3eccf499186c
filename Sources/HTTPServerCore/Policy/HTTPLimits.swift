// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// The limits of a connection, as sizes and times. Those of a listener may be replaced while it runs.
package struct HTTPLimits: Sendable {
    /// Bytes of request line and headers together; a longer head gets 431.
    package var maxRequestHeadSize = 16 * 1024
    /// Headers of one request; more get 431.
    package var maxHeaders = 100
    /// How long a request head may take to arrive, counted from its first byte or from the accept; a later one gets
    /// 408.
    package var headTimeout = TimeAmount.seconds(5)
    /// How long a request body may take to arrive; a later one gets 408.
    package var bodyTimeout = TimeAmount.seconds(10)
    /// How long a connection may be idle between two requests.
    package var keepAliveTimeout = TimeAmount.seconds(5)
    /// How long a client may accept no bytes of an answer, plus one second for each 32 KiB of it.
    package var sendTimeout = TimeAmount.seconds(30)
    /// How long a request without an answer stays open (``HTTPExchange/leaveUnanswered()``).
    package var unansweredTimeout = TimeAmount.seconds(1)

    package init() {}
}

/// The limit that a client has exceeded.
package enum HTTPLimit: Sendable, Equatable, CaseIterable {
    /// A request head is too long, or the chunk extensions and trailers of a body are.
    case requestHeadSize
    /// A request has too many headers.
    case headerCount
    /// A request head took too long.
    case headTimeout
    /// A request body took too long.
    case bodyTimeout
    /// A client did not read its response in time.
    case sendTimeout
    /// An upgrade got no answer.
    case unansweredUpgrade
}

extension HTTPRequestError {
    /// The limit that the request exceeds; nil when it is refused for another reason.
    package var limit: HTTPLimit? {
        switch self {
        case .headTooLarge, .chunksTooLarge: .requestHeadSize
        case .tooManyHeaders: .headerCount
        case .malformed, .expectationFailed, .unknownTransferCoding, .unsupportedVersion: nil
        }
    }
}
