// Part of socketio-server, MIT licence; see LICENSE.

package import HTTPServerCore
internal import Logging
internal import Metrics
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOHTTP1
internal import PeerLogging

/// Lets requests of other nodes in, and nothing else.
package final class ForwardedRequestVerifier: Sendable {
    /// Why a request is not let in.
    package enum Refusal: String, CaseIterable, Sendable {
        case unsigned
        case malformed
        case wrongKey = "wrong_key"
        case stale
        case replayed

        /// What its sender gets.
        package var response: HTTPServerResponse {
            HTTPServerResponse(
                status: .forbidden, headers: [ForwardingSignature.refusalHeader: rawValue], closeConnection: true)
        }
    }

    /// How far the clocks of two nodes may be apart, the way between them included.
    static let window: Int64 = 30_000

    private let key: ForwardingKey
    private let log: RateLimitedLogger<ForwardingLogKind>
    private let nonces = NIOLockedValueBox(NonceMemory(lifetime: 2 * ForwardedRequestVerifier.window))
    private let counters: [Refusal: Counter]

    init(key: ForwardingKey, log: RateLimitedLogger<ForwardingLogKind>) {
        self.key = key
        self.log = log
        counters = Dictionary(
            uniqueKeysWithValues: Refusal.allCases.map {
                ($0, Counter(label: "socketio_forward_refused_total", dimensions: [("reason", $0.rawValue)]))
            })
    }

    /// Turns a request of another node into that of its client; nil when it is let in.
    package func admit(_ request: inout HTTPServerRequest, now: Int64 = WallClock.milliseconds()) -> Refusal? {
        let refusal = check(&request, now: now)
        if let refusal {
            counters[refusal]?.increment()
            log.log(
                .forwardRefused,
                [
                    "reason": "\(refusal.rawValue)", "from": "\(request.remoteAddress?.ipAddress ?? "")",
                    "advice": "\(Self.advice(refusal))",
                ])
        }
        return refusal
    }

    private func check(_ request: inout HTTPServerRequest, now: Int64) -> Refusal? {
        let values = request.headers[ForwardingSignature.header]
        guard let value = values.first else { return .unsigned }
        guard values.count == 1, let (fields, signature) = ForwardingSignature.parse(value) else { return .malformed }
        guard fields.isSigned(signature, method: request.method, target: request.target, key: key) else {
            return .wrongKey
        }
        guard abs(now - fields.timestamp) <= Self.window else { return .stale }
        guard nonces.withLockedValue({ $0.remember(fields.nonce, now: now) }) else { return .replayed }
        request.forwarded(for: fields.client, isSecure: fields.isSecure, without: ForwardingSignature.header)
        return nil
    }

    private static func advice(_ refusal: Refusal) -> String {
        switch refusal {
        case .unsigned, .malformed:
            "the sender is not a node; keep the listener for nodes behind a firewall"
        case .wrongKey: "give all nodes the same secret, or none"
        case .stale: "set the clocks of the nodes: they are more than \(window / 1000) s apart"
        case .replayed: "somebody replays requests between nodes"
        }
    }
}
