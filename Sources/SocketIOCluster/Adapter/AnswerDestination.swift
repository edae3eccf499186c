// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore

/// Where the answer to a request goes, and whether it names its sender: nodes of this kind put their uid into answers,
/// which Node.js servers neither need nor receive.
struct AnswerDestination: Sendable {
    private let channel: any ClusterChannel
    private let services: ClusterServices
    private let uid: String
    private let asking: String?
    private let isPeer: Bool
    /// Whether the asking node understands answers in parts and the report that there is no answer. A node of this kind
    /// does, unless its version is older.
    let takesParts: Bool

    /// - Parameter asking: the uid of the asking adapter; nil when the request does not name it.
    init(_ adapter: ClusterAdapterCore, to asking: String?) {
        channel = adapter.channel
        services = adapter.services
        uid = adapter.uid
        self.asking = asking
        let peer = asking.flatMap { adapter.directory.peer(ofUID: $0) }
        isPeer = peer != nil
        takesParts = peer?.takesParts ?? false
    }

    /// The adapter's uid, if the asking node is of this kind; nil for Node.js servers.
    var signature: String? { isPeer ? uid : nil }

    /// The limit of a message, in bytes.
    var limit: Int { services.configuration.maxMessageBytes }
    /// What its setting is called.
    var limitName: String { services.configuration.maxMessageBytesName }

    /// - Throws: An encoding error; ``ClusterError`` with code `oversized`.
    func send(_ response: ClusterResponse) throws {
        try channel.publish(
            .response(response), to: asking.map { .server($0) } ?? .everyone, isForPeer: isPeer, nil)
    }

    /// Gives no answer, because too many other questions wait for one. Counts and logs that, and reports it as
    /// ``refuse(_:type:_:)`` does.
    func tooBusy(_ requestID: String) {
        let error = ClusterError(.overloaded, "too many questions of other nodes wait for an answer")
        services.answerRefused(error, .answers)
        tell(requestID, type: nil, error)
    }

    /// Counts and logs an answer that is not sent.
    func note(_ error: any Error) { services.answerRefused(error) }

    /// Gives no answer, because it would be too large or cannot be encoded. Counts and logs that, and reports it to an
    /// asking node that understands the report. Node.js has no such message, so its servers wait until their time-out.
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
