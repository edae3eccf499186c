// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import SocketIOCore

/// Where the answer to a request goes, and whether it is signed: peers say who they are to each other, which Node.js
/// servers neither need nor see.
struct AnswerDestination: Sendable {
    private let sender: PubSubSender
    private let isPeer: Bool
    /// Whether the asking node understands answers in parts, and that there is none: it is of this kind and not older.
    let takesParts: Bool
    private let channel: String

    init(_ adapter: PubSubAdapterCore, _ request: ClusterRequest) {
        let sender = adapter.sender
        self.sender = sender
        guard let asking = request.uid else {
            (isPeer, takesParts, channel) = (false, false, sender.channels.response)
            return
        }
        let peer = adapter.directory.peer(ofUID: asking)
        isPeer = peer != nil
        takesParts = peer?.takesParts ?? false
        channel =
            isPeer || sender.configuration.publishOnSpecificResponseChannel
            ? sender.channels.response(to: asking) : sender.channels.response
    }

    /// The adapter's uid for those who know what to do with it.
    var signature: String? { isPeer ? sender.uid : nil }

    /// The most bytes that a message may have.
    var limit: Int { sender.configuration.maxMessageBytes }

    func send(_ payload: ByteBuffer, isForEverybody: Bool = false) {
        sender.send(payload, to: isForEverybody && !isPeer ? sender.channels.response : channel, kind: .signal)
    }

    /// There is no answer: too many others are to be answered. Counted, logged, and told as ``refuse(_:type:_:)`` does.
    func tooBusy(_ requestID: String) {
        let error = ClusterError(.overloaded, "too many questions of other nodes wait for an answer")
        sender.bus.answerRefused(error, .answers)
        tell(requestID, type: nil, error)
    }

    /// An answer is not sent: counted and logged.
    func note(_ error: any Error) { sender.bus.answerRefused(error) }

    /// There is no answer: it would be too large, or cannot be written. Counted and logged here; the asking node hears of it
    /// if it understands that, and any other learns it by its time-out, because Node.js has no word for it.
    func refuse(_ requestID: String, type: ClusterRequestType? = nil, _ error: any Error) {
        note(error)
        tell(requestID, type: type, error)
    }

    private func tell(_ requestID: String, type: ClusterRequestType?, _ error: any Error) {
        guard takesParts else { return }
        var response = ClusterResponse(requestID: requestID, type: type, uid: signature)
        response.error = String(describing: error)
        if let text = try? response.text { send(text) }
    }
}
