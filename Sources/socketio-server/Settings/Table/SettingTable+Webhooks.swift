// Part of socketio-server, MIT licence; see LICENSE.

extension SettingTable {
    /// Webhooks.
    static let webhooks = Section(
        title: "Webhooks",
        settings: [
            .optionalText(
                "webhooks.url", \.webhooks.url, allowed: "an http or https address",
                "Receiver of `POST` requests that tell what happens on this node ([webhooks.md](webhooks.md)). Without a "
                    + "value there are none."
            ) { SettingRules.isWebAddress($0) },
            .optionalText(
                "webhooks.secret", \.webhooks.secret, allowed: "16 or more visible characters", secret: true,
                "Key of the signature that each request has, so that the receiver knows who sends it "
                    + "(`openssl rand -hex 24`)."
            ) { $0.utf8.count >= 16 && $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } },
            .choices(
                "webhooks.events", \.webhooks.events,
                "What is told: sockets that `connect` to a namespace and `disconnect` from it, that `join` and `leave` rooms, "
                    + "and the events of `webhooks.eventNames` that they send (`event`)."),
            .list(
                "webhooks.eventNames", \.webhooks.eventNames,
                "Names of events of clients that are told, with their arguments."),
            .number(
                "webhooks.maxBatch", \.webhooks.maxBatch, 1...10_000, "Largest number of events in one request."),
            .number(
                "webhooks.maxDelayMs", \.webhooks.maxDelayMs, 0...60_000, unit: "ms",
                "How long the first event of a request waits for others."),
            .number(
                "webhooks.maxQueuedBytes", \.webhooks.maxQueuedBytes, 65_536...1_099_511_627_776, unit: "bytes",
                "Memory for events that wait while the receiver is slow or away; further ones are dropped and counted."),
            .number(
                "webhooks.timeoutMs", \.webhooks.timeoutMs, 100...600_000, unit: "ms",
                "How long one request may take."),
            .number(
                "webhooks.giveUpAfterMs", \.webhooks.giveUpAfterMs, 0...86_400_000, unit: "ms",
                "How long a request that fails is tried again before its events are dropped."),
        ])
}
