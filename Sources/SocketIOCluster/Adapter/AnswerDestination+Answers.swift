// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

/// Answers to the questions of other nodes. They are built and sent off the event loops, when the shards have replied.
///
/// No answer is larger than `maxMessageBytes`, because nodes drop larger messages. A node of this kind gets a long
/// answer in parts. Node.js servers count one answer from each server, so for them headers and `auth` are left out to
/// make it fit; if that is not enough, no answer is sent. An answer that cannot be given is counted and logged, and
/// nodes of this kind receive the error.
extension AnswerDestination {
    /// Asks this node's adapter and sends its reply.
    func answer(
        _ id: String, _ type: ClusterRequestType, _ rooms: NameSet, _ options: BroadcastOptions,
        of local: MemoryAdapter, includesHeaders: Bool, gate: AnswerGate
    ) async {
        guard await gate.enter() else { return tooBusy(id) }
        defer { gate.leave() }
        do {
            switch type {
            case .sockets:
                try send(try await local.sockets(in: rooms).sorted(), of: id) {
                    $0.sockets = try RawJSON(encoding: $1)
                }
            case .remoteFetch:
                try await send(try await local.fetchSockets(options), of: id, includesHeaders: includesHeaders)
            default:
                try send(local.rooms.sorted(), of: id) { $0.rooms = $1.map(WireRoom.init) }
            }
        } catch {
            refuse(id, error)
        }
    }

    /// Sends a list of names.
    private func send(
        _ names: [String], of id: String,
        _ put: (inout ClusterResponse, [String]) throws -> Void
    ) throws {
        guard takesParts else {
            var response = ClusterResponse(requestID: id, uid: signature)
            try put(&response, names)
            return try send(response)
        }
        let parts = try AnswerParts(names, limit: limit, name: limitName, size: JSONBound.string)
        try parts.forEach { names, part, more in
            var response = ClusterResponse(requestID: id, uid: signature)
            try put(&response, names)
            try send(response, part, more)
        }
    }

    /// Sends descriptions of sockets.
    private func send(
        _ sockets: [SocketDescription], of id: String, includesHeaders: Bool
    ) async throws {
        var elements: [RawJSON] = []
        elements.reserveCapacity(sockets.count)
        for socket in sockets {
            elements.append(try SocketWireFormat.text(socket, includesHeaders: includesHeaders))
            // Lets other tasks of this thread run.
            if elements.count % 64 == 0 { await Task.yield() }
        }
        guard takesParts else {
            var response = ClusterResponse(requestID: id, uid: signature)
            let bytes = elements.reduce(AnswerParts<RawJSON>.envelopeBytes) { $0 + $1.text.readableBytes + 1 }
            let isTooLong = bytes > limit
            response.sockets = join(
                isTooLong ? try sockets.map { try SocketWireFormat.reducedText($0) } : elements)
            return try send(response)
        }
        let parts = try AnswerParts(elements, limit: limit, name: limitName) { $0.text.readableBytes + 1 }
        try parts.forEach { elements, part, more in
            var response = ClusterResponse(requestID: id, uid: signature)
            response.sockets = join(elements)
            try send(response, part, more)
        }
    }

    private func send(
        _ response: ClusterResponse, _ part: Int?, _ more: Bool?
    ) throws {
        var response = response
        (response.part, response.more) = (part, more)
        try send(response)
    }

    /// A JSON array of these values.
    private func join(_ elements: [RawJSON]) -> RawJSON {
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
