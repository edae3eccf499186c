// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import Metrics
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOHTTP1

/// Lets requests of other nodes in, and nothing else.
final class ForwardingGate: Sendable {
    /// Why a request is not let in.
    enum Refusal: String, CaseIterable, Sendable {
        case unsigned
        case malformed
        case wrongKey = "wrong_key"
        case stale
        case replayed
    }

    /// How far the clocks of two nodes may be apart, the way between them included.
    static let window: Int64 = 30_000

    private struct State {
        var nonces = NonceMemory(lifetime: 2 * ForwardingGate.window)
        var nextWarning = NIODeadline.uptimeNanoseconds(0)
    }

    private let key: ForwardingKey
    private let logger: Logger
    private let state = NIOLockedValueBox(State())
    private let counters: [Refusal: Counter]

    init(key: ForwardingKey, logger: Logger) {
        self.key = key
        self.logger = logger
        counters = Dictionary(
            uniqueKeysWithValues: Refusal.allCases.map {
                ($0, Counter(label: "socketio_forward_refused_total", dimensions: [("reason", $0.rawValue)]))
            })
    }

    /// Turns a request of another node into that of its client; nil when it is let in.
    func admit(_ request: inout EngineRequest, now: Int64 = WallClock.milliseconds()) -> Refusal? {
        let refusal = check(&request, now: now)
        if let refusal {
            counters[refusal]?.increment()
            complain(refusal, from: request.remoteAddress)
        }
        return refusal
    }

    private func check(_ request: inout EngineRequest, now: Int64) -> Refusal? {
        let values = request.headers[ForwardingSignature.header]
        guard let value = values.first else { return .unsigned }
        guard values.count == 1, let (fields, signature) = ForwardingSignature.parse(value) else { return .malformed }
        guard fields.isSigned(signature, method: request.method, target: request.target, key: key) else {
            return .wrongKey
        }
        guard abs(now - fields.timestamp) <= Self.window else { return .stale }
        guard state.withLockedValue({ $0.nonces.remember(fields.nonce, now: now) }) else { return .replayed }
        request.forwarded(for: fields.client, isSecure: fields.isSecure, without: ForwardingSignature.header)
        return nil
    }

    /// Once a minute at most: what is wrong here is wrong for every request.
    private func complain(_ refusal: Refusal, from address: SocketAddress?) {
        let now = NIODeadline.now()
        let isDue = state.withLockedValue { state in
            guard now >= state.nextWarning else { return false }
            state.nextWarning = now + .minutes(1)
            return true
        }
        guard isDue else { return }
        let advice: String
        switch refusal {
        case .unsigned, .malformed:
            advice = "somebody who is no node reaches the listener for nodes; keep it behind a firewall"
        case .wrongKey: advice = "give all nodes the same secret, or none"
        case .stale: advice = "set the clocks of the nodes: they are more than \(Self.window / 1000) s apart"
        case .replayed: advice = "somebody repeats what nodes send each other"
        }
        logger.warning(
            "A request to the listener for other nodes was refused",
            metadata: [
                "reason": "\(refusal.rawValue)", "from": "\(address?.ipAddress ?? "")", "advice": "\(advice)",
            ])
    }
}
