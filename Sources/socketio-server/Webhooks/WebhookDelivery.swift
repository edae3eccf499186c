// Part of socketio-server, MIT licence; see LICENSE.

internal import AsyncHTTPClient
internal import EngineIOServer
internal import FailureText
internal import Foundation
internal import Logging
internal import Metrics
internal import NIOCore
internal import NIOHTTP1
internal import SocketIOServer

/// Sends what waits in the queue to `webhooks.url`, one request after the other, so that events arrive in their order. A
/// request that fails is repeated, with growing pauses, until it has been tried for `webhooks.giveUpAfterMs`; so a receiver
/// may get an event more than once, and knows it by its `id`.
struct WebhookDelivery: Sendable {
    /// What became of a request.
    private enum Outcome {
        case delivered
        /// The receiver refuses it for good.
        case refused(UInt)
        /// Worth another try.
        case failed(String)
    }

    /// The longest body, in bytes; one event may be longer.
    private static let maximumBody = 1 << 20
    private static let shortestPause = Duration.milliseconds(500)
    private static let longestPause = Duration.seconds(30)

    let settings: Settings.Webhooks
    let url: String
    let secret: String
    let queue: WebhookQueue
    let logger: Logger

    /// Delivers until the task is cancelled or the queue is closed.
    func run() async {
        let client = HTTPClient.strict()
        for await _ in queue.arrivals {
            // More may come, and needs no request of its own.
            try? await Task.sleep(for: .milliseconds(settings.maxDelayMs))
            while !queue.isEmpty, !Task.isCancelled { await deliver(with: client, isLast: false) }
            report()
        }
        try? await client.shutdown()
    }

    /// Tries once to deliver what is left, at the end of the process.
    func flush(within limit: Duration) async {
        let client = HTTPClient.strict()
        let end = ContinuousClock.now + limit
        while !queue.isEmpty, ContinuousClock.now < end {
            let before = queue.takeFigures().waiting
            await deliver(with: client, isLast: true)
            if queue.takeFigures().waiting == before { break }
        }
        let left = queue.takeFigures().waiting
        if left > 0 { logger.warning("events for webhooks are lost at the end", metadata: ["events": "\(left)"]) }
        try? await client.shutdown()
    }

    /// Sends the oldest events, and removes them when they are delivered or given up.
    private func deliver(with client: HTTPClient, isLast: Bool) async {
        let events = queue.first(settings.maxBatch, bytes: Self.maximumBody)
        let giveUp = ContinuousClock.now + .milliseconds(settings.giveUpAfterMs)
        var pause = Self.shortestPause
        var failures = 0
        while true {
            switch await send(events, with: client) {
            case .delivered:
                if failures > 0 {
                    logger.notice("webhooks are delivered again", metadata: ["attempts": "\(failures + 1)"])
                }
                return finish(events, "delivered")
            case .refused(let status):
                logger.warning(
                    "the receiver of webhooks refused a request",
                    metadata: ["status": "\(status)", "events": "\(events.count)"])
                return finish(events, "refused")
            case .failed(let reason):
                failures += 1
                logger.log(
                    level: failures == 1 ? .warning : .debug, "a webhook was not delivered",
                    metadata: ["reason": "\(reason)", "attempt": "\(failures)"])
            }
            if isLast || Task.isCancelled { return }
            guard ContinuousClock.now + pause < giveUp else {
                logger.error(
                    "events for webhooks are given up after webhooks.giveUpAfterMs",
                    metadata: ["events": "\(events.count)"])
                return finish(events, "givenUp")
            }
            // Up to a fifth by chance, so that nodes that failed at the same time do not return at the same time.
            try? await Task.sleep(for: pause * Double.random(in: 0.8...1))
            pause = min(pause * 2, Self.longestPause)
        }
    }

    private func finish(_ events: [String], _ outcome: String) {
        queue.remove(events.count)
        Self.count(events.count, outcome)
    }

    /// Tells of what did not fit into the queue.
    private func report() {
        let figures = queue.takeFigures()
        Gauge(label: "socketio_webhook_queued_bytes").record(figures.bytes)
        guard figures.dropped > 0 else { return }
        Self.count(figures.dropped, "dropped")
        logger.error(
            "events for webhooks did not fit into webhooks.maxQueuedBytes", metadata: ["events": "\(figures.dropped)"])
    }

    private static func count(_ events: Int, _ outcome: String) {
        Counter(label: "socketio_webhook_events_total", dimensions: [("outcome", outcome)]).increment(by: events)
    }

    private func send(_ events: [String], with client: HTTPClient) async -> Outcome {
        let webhook = WebhookRequest(events, secret: secret, seconds: Int64(Date().timeIntervalSince1970))
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers = [
            "Content-Type": "application/json", "User-Agent": "socketio-server/\(Version.current)",
            WebhookRequest.timestampHeader: webhook.timestamp, WebhookRequest.signatureHeader: webhook.signature,
        ]
        request.body = .bytes(ByteBuffer(string: webhook.body))
        do {
            // The receiver has the events when it answers with a head; the rest is not waited for.
            let status = try await client.exchange(request, within: .milliseconds(Int64(settings.timeoutMs))) {
                $0.status.code
            }
            switch status {
            case 200..<300: return .delivered
            case 408, 425, 429, 500...: return .failed("the answer has status \(status)")
            // Redirects, too: the signature is for the receiver that the settings name.
            default: return .refused(status)
            }
        } catch {
            return .failed(failureText(error))
        }
    }
}
