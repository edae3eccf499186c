// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

/// Answers to the questions of other nodes.
///
/// No answer is larger than `maxMessageBytes`, because nodes drop what is. A node of this kind gets a long one in parts. Others
/// count one answer for each server, so for them it is made to fit by leaving out headers and `auth`; if that is not enough
/// there is none. An answer that cannot be given is counted, logged, and told by name to nodes of this kind.
extension PubSubAdapter {
    func answer(_ request: ClusterRequest, _ type: ClusterRequestType) throws {
        guard let id = request.requestId else { throw WireFormatError.shape("no requestId") }
        let (local, includesHeaders) = (local, configuration.fetchIncludesHeaders)
        let rooms = NameSet(request.rooms?.names ?? [])
        let options = request.opts?.options ?? BroadcastOptions()
        let destination = AnswerDestination(self, request)
        Task {
            do {
                switch type {
                case .sockets:
                    try Self.send(try await local.sockets(in: rooms).sorted(), of: id, to: destination) {
                        $0.sockets = try RawJSON(encoding: $1)
                    }
                case .remoteFetch:
                    let sockets = try await local.fetchSockets(options)
                    try Self.send(sockets, of: id, to: destination, includesHeaders: includesHeaders)
                default:
                    try Self.send(local.rooms.sorted(), of: id, to: destination) { $0.rooms = $1.map(WireRoom.init) }
                }
            } catch {
                destination.refuse(id, error)
            }
        }
    }

    /// Sends names.
    private static func send(
        _ names: [String], of id: String, to destination: AnswerDestination,
        _ put: (inout ClusterResponse, [String]) throws -> Void
    ) throws {
        guard destination.takesParts else {
            var response = ClusterResponse(requestID: id, uid: destination.signature)
            try put(&response, names)
            return try send(whole: response, to: destination)
        }
        let parts = try AnswerParts(names, limit: destination.limit, size: JSONBound.string)
        try parts.forEach { names, part, more in
            var response = ClusterResponse(requestID: id, uid: destination.signature)
            try put(&response, names)
            try send(response, part, more, to: destination)
        }
    }

    /// Sends descriptions of sockets.
    private static func send(
        _ sockets: [SocketDescription], of id: String, to destination: AnswerDestination, includesHeaders: Bool
    ) throws {
        let elements = try sockets.map { try SocketWireFormat.text($0, includesHeaders: includesHeaders) }
        guard destination.takesParts else {
            var response = ClusterResponse(requestID: id, uid: destination.signature)
            let bytes = elements.reduce(AnswerParts<RawJSON>.envelopeBytes) { $0 + $1.text.readableBytes + 1 }
            let isTooLong = bytes > destination.limit
            response.sockets = join(
                isTooLong ? try sockets.map { try SocketWireFormat.reducedText($0) } : elements)
            return try send(whole: response, to: destination)
        }
        let parts = try AnswerParts(elements, limit: destination.limit) { $0.text.readableBytes + 1 }
        try parts.forEach { elements, part, more in
            var response = ClusterResponse(requestID: id, uid: destination.signature)
            response.sockets = join(elements)
            try send(response, part, more, to: destination)
        }
    }

    private static func send(
        _ response: ClusterResponse, _ part: Int?, _ more: Bool?, to destination: AnswerDestination
    ) throws {
        var response = response
        (response.part, response.more) = (part, more)
        destination.send(try response.text)
    }

    private static func send(whole response: ClusterResponse, to destination: AnswerDestination) throws {
        let text = try response.text
        guard text.readableBytes <= destination.limit else {
            throw ClusterError.tooLarge(text.readableBytes, limit: destination.limit)
        }
        destination.send(text)
    }

    /// The array of these values.
    private static func join(_ elements: [RawJSON]) -> RawJSON {
        var text = ByteBuffer()
        text.reserveCapacity(elements.reduce(2) { $0 + $1.text.readableBytes + 1 })
        text.writeInteger(UInt8(ascii: "["))
        for (index, element) in elements.enumerated() {
            if index > 0 { text.writeInteger(UInt8(ascii: ",")) }
            text.writeImmutableBuffer(element.text)
        }
        text.writeInteger(UInt8(ascii: "]"))
        return RawJSON(validated: text, attachments: [])
    }
}
