// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore

/// Where the answer to a request goes, and whether it is signed: peers say who they are to each other, which Node.js
/// servers neither need nor see.
struct AnswerDestination: Sendable {
    private let channel: any ClusterChannel
    private let services: ClusterServices
    private let uid: String
    private let asking: String?
    private let isPeer: Bool
    /// Whether the asking node understands answers in parts, and that there is none: it is of this kind and not older.
    let takesParts: Bool

    /// - Parameter asking: the uid of the asking adapter; nil when it does not tell.
    init(_ adapter: ClusterAdapterCore, to asking: String?) {
        channel = adapter.channel
        services = adapter.services
        uid = adapter.uid
        self.asking = asking
        let peer = asking.flatMap { adapter.directory.peer(ofUID: $0) }
        isPeer = peer != nil
        takesParts = peer?.takesParts ?? false
    }

    /// The adapter's uid for those who know what to do with it.
    var signature: String? { isPeer ? uid : nil }

    /// The most bytes that a message may have.
    var limit: Int { services.configuration.maxMessageBytes }

    /// - Throws: What cannot be encoded; ``ClusterError`` with code `oversized`.
    func send(_ response: ClusterResponse) throws {
        try channel.publish(
            .response(response), to: asking.map { .server($0) } ?? .everyone, isForPeer: isPeer, nil)
    }

    /// There is no answer: too many others are to be answered. Counted, logged, and told as ``refuse(_:type:_:)`` does.
    func tooBusy(_ requestID: String) {
        let error = ClusterError(.overloaded, "too many questions of other nodes wait for an answer")
        services.answerRefused(error, .answers)
        tell(requestID, type: nil, error)
    }

    /// An answer is not sent: counted and logged.
    func note(_ error: any Error) { services.answerRefused(error) }

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
        try? send(response)
    }
}
