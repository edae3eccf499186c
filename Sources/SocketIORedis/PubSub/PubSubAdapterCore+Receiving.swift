// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

/// What other nodes send. Nothing here may fail in a way that reaches the connection.
extension PubSubAdapterCore {
    // MARK: Broadcasts

    func receivedBroadcast(_ message: ByteBuffer, channel: ByteBuffer) {
        // Half of what arrives when a node talks and none answers.
        if message.starts(with: signature) { return bus.heardOwn(message) }
        let room = channels.room(of: channel)
        guard !room.isForeign, let sender = PubSubWireFormat.sender(of: message) else {
            if !room.isForeign { bus.invalid("broadcast", WireFormatError.shape("no sender")) }
            return
        }
        guard !sender.hasSameBytes(as: uid) else { return }
        note(sender)
        if case .room(let name) = room, !local.hasRoom(name) { return counters.filtered.increment() }
        do {
            guard
                let (packet, options) = try PubSubWireFormat.broadcast(
                    message, namespace: context.namespace, limits: configuration.limits)
            else { return }
            counters.received.increment()
            local.broadcast(packet, options: options)
        } catch {
            bus.invalid("broadcast", error)
        }
    }

    /// Counts the broadcasts of each peer, to tell later whether some are missing.
    private func note(_ sender: String) {
        let name = ExactName(sender)
        if let index = senders.index(forKey: name) {
            senders.values[index].received &+= 1
        } else if directory.isPeer(sender) {
            senders[name] = SenderCounts(received: 1)
        }
    }

    // MARK: Requests

    func receivedRequest(_ message: ByteBuffer) {
        do {
            let request = try WireMessage.decode(ClusterRequest.self, message, limits: configuration.limits)
            guard let type = ClusterRequestType(rawValue: request.type) else {
                throw WireFormatError.shape("request type \(request.type)")
            }
            // One's own echo: it has been acted on when it was sent.
            if request.uid?.hasSameBytes(as: uid) ?? false {
                if type.isData(hasRequestID: request.requestId != nil) { bus.heardOwn(message) }
                return
            }
            if let id = request.requestId, requests.contains(id) || broadcasts.contains(id) { return }
            counters.received.increment()
            try act(on: request, type)
        } catch {
            bus.invalid("request", error)
        }
    }

    private func act(on request: ClusterRequest, _ type: ClusterRequestType) throws {
        switch type {
        case .sockets, .allRooms, .remoteFetch: try answer(request, type)
        case .remoteJoin, .remoteLeave, .remoteDisconnect: try apply(request, type)
        case .serverSideEmit: try receivedServerSideEmit(request)
        case .broadcast: try receivedAcknowledgedBroadcast(request)
        case .broadcastClientCount, .broadcastAck: throw WireFormatError.shape("a response on the request channel")
        }
    }

    /// Join, leave or disconnect, also in the forms that name a single socket.
    private func apply(_ request: ClusterRequest, _ type: ClusterRequestType) throws {
        let options: BroadcastOptions
        var rooms = request.rooms?.names ?? []
        if let opts = request.opts {
            guard opts.namesRooms else { throw WireFormatError.shape("opts without rooms") }
            options = opts.options
        } else {
            guard let socket = request.sid else { throw WireFormatError.shape("neither opts nor sid") }
            guard local.hasRoom(socket) else { return }
            options = BroadcastOptions(rooms: [socket])
            if let room = request.room { rooms.append(room.name) }
        }
        if type == .remoteJoin, rooms.count > local.maxRoomsPerSocket { throw WireFormatError.tooManyRooms }
        switch type {
        case .remoteJoin: local.addSockets(options, rooms: rooms)
        case .remoteLeave: local.removeSockets(options, rooms: rooms)
        default: local.disconnectSockets(options, close: request.close ?? false)
        }
        // Only the old forms expect to hear that it was done.
        if request.opts == nil, let id = request.requestId {
            sender.send(try ClusterResponse(requestID: id, uid: nil).text, to: channels.response, kind: .signal)
        }
    }

    private func answer(_ request: ClusterRequest, _ type: ClusterRequestType) throws {
        guard let id = request.requestId else { throw WireFormatError.shape("no requestId") }
        let (local, includesHeaders, gate) = (local, configuration.fetchIncludesHeaders, answers)
        let rooms = NameSet(request.rooms?.names ?? [])
        let options = request.opts?.options ?? BroadcastOptions()
        let destination = AnswerDestination(self, request)
        Task {
            await destination.answer(
                id, type, rooms, options, of: local, includesHeaders: includesHeaders, gate: gate)
        }
    }

    private func receivedServerSideEmit(_ request: ClusterRequest) throws {
        guard let data = request.data else { throw WireFormatError.shape("no data") }
        let packet = try packet(data)
        guard let id = request.requestId else { return try context.receive(packet) }
        let destination = AnswerDestination(self, request)
        try context.receive(packet) { result in
            guard let arguments = try? result.get() else { return }
            var response = ClusterResponse(
                requestID: id, type: .serverSideEmit, uid: destination.signature)
            do {
                response.data = arguments.isEmpty ? nil : try RawJSON(encoding: NodeBuffer.replacing(arguments[0]))
                let text = try response.text
                guard text.readableBytes <= destination.limit else {
                    throw ClusterError.tooLarge(text.readableBytes, limit: destination.limit)
                }
                // Node sends these to everybody, whatever is configured.
                destination.send(text, isForEverybody: true)
            } catch {
                destination.refuse(id, type: .serverSideEmit, error)
            }
        }
    }

    private func receivedAcknowledgedBroadcast(_ request: ClusterRequest) throws {
        guard let id = request.requestId, let data = request.packet?.data else {
            throw WireFormatError.shape("no requestId or data")
        }
        if let nsp = request.packet?.nsp, !nsp.hasSameBytes(as: context.namespace) { return }
        let options = request.opts?.options ?? BroadcastOptions()
        local.broadcastWithAck(
            try packet(data), options: options,
            receiver: RemoteAckReceiver(
                requestID: id, timeout: options.flags.timeout ?? configuration.requestsTimeout,
                destination: AnswerDestination(self, request)))
    }

    private func packet(_ data: RawJSON) throws -> BroadcastPacket {
        guard let event = try PacketPayload(text: data.text).eventName else {
            throw WireFormatError.shape("event name")
        }
        return BroadcastPacket(
            namespace: context.namespace, event: event,
            data: EncodedArguments(json: data.text, attachments: data.attachments))
    }

    // MARK: Responses

    func receivedResponse(_ message: ByteBuffer) {
        let response: ClusterResponse
        do {
            response = try WireMessage.decode(ClusterResponse.self, message, limits: configuration.limits)
        } catch {
            return bus.invalid("response", error)
        }
        let id = response.requestId
        if broadcasts.contains(id) { return receivedBroadcastResponse(response) }
        // Answers to other nodes come by here as well.
        guard requests.contains(id) else { return }
        switch answered(response) {
        case .completed(let outcome): outcome.context.done(outcome)
        case .pending: break
        case .duplicate, .unknown: counters.unexpected.increment()
        }
    }

    /// An answer, or a part of one.
    private func answered(_ response: ClusterResponse) -> Requests.Event {
        let id = response.requestId
        guard let uid = response.uid, let part = response.part else {
            return requests.answered(id, by: response.uid, response)
        }
        return response.more == true
            ? requests.received(part: part, of: id, by: uid, response)
            : requests.answered(id, by: uid, response, lastPart: part)
    }

    private func receivedBroadcastResponse(_ response: ClusterResponse) {
        switch response.type.flatMap(ClusterRequestType.init) {
        case .broadcastClientCount:
            let clients = Int(exactly: max(0, min(response.clientCount ?? 0, 0x1p40)).rounded()) ?? 0
            guard let receiver = broadcasts.reported(response.requestId, by: response.uid, clients: clients) else {
                return counters.unexpected.increment()
            }
            if let ids = response.sids, ids.count == clients, ids.allSatisfy(PubSubWireFormat.isID) {
                receiver.reached(socketIDs: ids)
            } else {
                receiver.reached(clients: clients)
            }
        case .broadcastAck:
            guard let receiver = broadcasts.answered(response.requestId, by: response.uid) else { return }
            if response.gone == true { return receiver.disconnected(socketID: response.sid ?? "") }
            do {
                receiver.acknowledged(try EventArguments.single(response.packet), socketID: response.sid)
            } catch {
                bus.invalid("acknowledgement", error)
            }
        default: bus.invalid("response", WireFormatError.shape("response type"))
        }
    }
}
