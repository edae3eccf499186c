// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// The payloads of clients of revision 3 (protocol 2.2, 2.3), which are made for each of them alone.
extension PollingTransport {
    /// Answers a poll: in the binary form if there is binary data and the client takes it, else as text, which a client that
    /// polls by script elements gets as a call.
    func respondInRevision3(
        to exchange: HTTPExchange, _ messages: [OutboundMessage], trailer: [OutboundPacket] = []
    ) {
        let packets = messages.flatMap { [$0.head] + $0.attachments } + trailer
        let canBeBinary = !dialect.wantsBase64 && dialect.jsonpIndex == nil
        let (payload, isBinary) = Revision3Encoder.encode(packets, binary: canBeBinary)
        let body = dialect.jsonpIndex.map { JSONPBody.wrap(payload, index: $0) } ?? payload
        respond(
            to: exchange, isBinary ? .binaryPoll : .poll, body, mayCompress: messages.contains(where: \.compress))
    }

    /// The packets of a POST.
    func revision3Packets(_ body: ByteBuffer, of request: HTTPServerRequest) -> PollingPayloadDecoder {
        let isBinary =
            request.headers.first(name: "Content-Type")?.hasSameBytes(as: "application/octet-stream") ?? false
        let payload = dialect.jsonpIndex == nil ? body : JSONPBody.unwrap(body)
        return PollingPayloadDecoder(
            body: payload, maximumPackets: context.configuration.maxPacketsPerPayload,
            format: isBinary ? .measuredBinary : .measuredText)
    }
}
