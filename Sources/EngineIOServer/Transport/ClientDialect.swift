// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// How a client writes and reads packets, as its request says (protocol 1.4, 2).
struct ClientDialect: Sendable {
    /// Revision 3 of the protocol: clients of version 1 and 2.
    let isRevision3: Bool
    /// The client wants base64 for binary data, on WebSocket too.
    let wantsBase64: Bool
    /// The digits of `j`, for a client of revision 3 that polls by script elements.
    let jsonpIndex: String?

    /// That of nearly all.
    static let usual = ClientDialect(isRevision3: false, wantsBase64: false, jsonpIndex: nil)

    private init(isRevision3: Bool, wantsBase64: Bool, jsonpIndex: String?) {
        self.isRevision3 = isRevision3
        self.wantsBase64 = wantsBase64
        self.jsonpIndex = jsonpIndex
    }

    init(_ request: HandshakeRequest) {
        isRevision3 = !request.isRevision4
        wantsBase64 = request.query["b64"].map { !$0.isEmpty } ?? false
        jsonpIndex = isRevision3 ? JSONPBody.index(request.query["j"]) : nil
    }

    /// Whether frames made for everybody have to be changed for this client's WebSocket.
    var convertsBinary: Bool { isRevision3 || wantsBase64 }

    /// Whether the answers to polls have another form than those of revision 4.
    var hasOwnPayloads: Bool { isRevision3 }

    /// A message as this client's WebSocket gets it.
    func converted(_ message: OutboundMessage) -> OutboundMessage {
        if isRevision3 { return message.withPackets { [wantsBase64] in $0.inRevision3(base64: wantsBase64) } }
        return wantsBase64 ? message.withTextOnly() : message
    }
}
