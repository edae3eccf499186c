// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Where the answer to a request goes, and whether it is signed: peers say who they are to each other, which Node.js
/// servers neither need nor see.
struct AnswerDestination: Sendable {
    private let adapter: PubSubAdapter
    private let isPeer: Bool
    private let channel: String

    /// On the event loop.
    init(_ adapter: PubSubAdapter, _ request: ClusterRequest) {
        self.adapter = adapter
        guard let asking = request.uid else {
            (isPeer, channel) = (false, adapter.channels.response)
            return
        }
        isPeer = adapter.core.directory.isPeer(asking)
        channel =
            isPeer || adapter.configuration.publishOnSpecificResponseChannel
            ? adapter.channels.response(to: asking) : adapter.channels.response
    }

    /// The adapter's uid for those who know what to do with it.
    var signature: String? { isPeer ? adapter.uid : nil }

    func send(_ payload: ByteBuffer, isForEverybody: Bool = false) {
        adapter.send(
            payload, to: isForEverybody && !isPeer ? adapter.channels.response : channel, kind: .signal)
    }
}
