// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import SocketIOServer

/// The webhooks in the life of the process.
struct WebhookOperation: Sendable {
    private let source: WebhookSource
    private let delivery: WebhookDelivery

    /// Nil when the settings name no receiver.
    init?(_ settings: Settings.Webhooks, node: String, logger: Logger, subject: @escaping @Sendable (Socket) -> String?)
    {
        guard let url = settings.url, let secret = settings.secret else { return nil }
        let queue = WebhookQueue(node: node, maximumBytes: settings.maxQueuedBytes)
        source = WebhookSource(
            kinds: Set(settings.events), eventNames: NameSet(settings.eventNames), queue: queue, subject: subject)
        delivery = WebhookDelivery(settings: settings, url: url, secret: secret, queue: queue, logger: logger)
    }

    /// Begins to notice; before clients connect.
    func attach(to server: Server) { source.attach(to: server) }

    /// Delivers until the task is cancelled.
    func run() async { await delivery.run() }

    /// Delivers what is left, for as long as `webhooks.timeoutMs`.
    func close() async {
        delivery.queue.close()
        await delivery.flush(within: .milliseconds(delivery.settings.timeoutMs))
    }
}
