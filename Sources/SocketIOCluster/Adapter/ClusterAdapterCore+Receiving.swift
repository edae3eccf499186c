// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import SocketIOCore
internal import SocketIOServer

/// Handles the messages of other nodes. No error in here may reach the connection.
extension ClusterAdapterCore: ClusterListener {
    package func received(_ message: ClusterMessage) {
        if let number = message.number, !windows.insert(number, of: message.sender) {
            counters.unexpected.increment()
            return
        }
        do {
            switch message.content {
            case .broadcast(let packet, let options):
                heardBroadcast(from: message.sender)
                deliver(packet, options)
            case .acknowledgedBroadcast(let id, let packet, let options):
                guard !isOurs(id) else { return }
                counters.received.increment()
                deliverAcknowledged(packet, options, id, to: message.sender)
            case .request(let request):
                guard let type = ClusterRequestType(rawValue: request.type) else {
                    throw WireFormatError.shape("request type \(request.type)")
                }
                if let id = request.requestId, isOurs(id) { return }
                counters.received.increment()
                try act(on: request, type)
            case .response(let response): received(response)
            case .peer: throw WireFormatError.shape("a message about servers in a namespace")
            }
        } catch {
            services.invalid("request", error)
        }
    }

    private func isOurs(_ requestID: String) -> Bool { requests.contains(requestID) || broadcasts.contains(requestID) }

    // MARK: Broadcasts

    package func deliver(_ packet: BroadcastPacket, _ options: BroadcastOptions) {
        counters.received.increment()
        local.broadcast(packet, options: options)
    }

    package func deliver(
        _ packet: BroadcastPacket, _ options: BroadcastOptions, at position: EventPosition, isNew: Bool
    ) {
        counters.received.increment()
        local.deliver(packet, options, at: position, isNew: isNew)
    }

    package func noteGap() { local.noteGap() }

    /// Counts the broadcasts of each peer, so that missing ones can be noticed later.
    package func heardBroadcast(from uid: String) {
        let name = ExactName(uid)
        if let index = senders.index(forKey: name) {
            senders.values[index].received &+= 1
        } else if directory.isPeer(uid) {
            senders[name] = SenderCounts(received: 1)
        }
    }

    // MARK: Requests

    private func act(on request: ClusterRequest, _ type: ClusterRequestType) throws {
        switch type {
        case .sockets, .allRooms, .remoteFetch: try answer(request, type)
        case .remoteJoin, .remoteLeave, .remoteDisconnect: try apply(request, type)
        case .serverSideEmit: try receivedServerSideEmit(request)
        case .broadcast: try receivedAcknowledgedBroadcast(request)
        case .broadcastClientCount, .broadcastAck: throw WireFormatError.shape("a response on the request channel")
        }
    }

    /// Performs a join, leave or disconnect, also in the older forms that name a single socket.
    private func apply(_ request: ClusterRequest, _ type: ClusterRequestType) throws {
        let options: BroadcastOptions
        var rooms = request.rooms?.names ?? []
        if let opts = request.opts {
            // Node would apply it to all sockets.
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
        // Only the older forms expect a reply when the operation is done.
        if request.opts == nil, let id = request.requestId {
            let done = ClusterResponse(requestID: id, uid: nil)
            try channel.publish(.response(done), to: .everyone, isForPeer: false, nil)
        }
    }

    private func answer(_ request: ClusterRequest, _ type: ClusterRequestType) throws {
        guard let id = request.requestId else { throw WireFormatError.shape("no requestId") }
        let (local, includesHeaders, gate) = (local, configuration.fetchIncludesHeaders, answers)
        let rooms = NameSet(request.rooms?.recipients ?? [])
        let options = request.opts?.options ?? BroadcastOptions()
        let destination = AnswerDestination(self, to: request.uid)
        Task {
            await destination.answer(
                id, type, rooms, options, of: local, includesHeaders: includesHeaders, gate: gate)
        }
    }

    private func receivedServerSideEmit(_ request: ClusterRequest) throws {
        guard let data = request.data else { throw WireFormatError.shape("no data") }
        let packet = try packet(data)
        guard let id = request.requestId else { return try context.receive(packet) }
        let destination = AnswerDestination(self, to: request.uid)
        try context.receive(packet) { result in
            guard let arguments = try? result.get() else { return }
            var response = ClusterResponse(
                requestID: id, type: .serverSideEmit, uid: destination.signature)
            do {
                response.data =
                    arguments.isEmpty ? nil : try RawJSON(encoding: arguments.payload.rawJSON(at: arguments.offset))
                try destination.send(response)
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
        deliverAcknowledged(try packet(data), request.opts?.options ?? BroadcastOptions(), id, to: request.uid)
    }

    private func deliverAcknowledged(
        _ packet: BroadcastPacket, _ options: BroadcastOptions, _ requestID: String, to uid: String?
    ) {
        local.broadcastWithAck(
            packet, options: options,
            receiver: RemoteAckReceiver(
                requestID: requestID, timeout: options.flags.timeout ?? configuration.requestsTimeout,
                destination: AnswerDestination(self, to: uid)))
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

    private func received(_ response: ClusterResponse) {
        let id = response.requestId
        if broadcasts.contains(id) { return receivedBroadcastResponse(response) }
        // Answers to other nodes' questions arrive here as well.
        guard requests.contains(id) else { return }
        switch answered(response) {
        case .completed(let outcome): outcome.context.done(outcome)
        case .pending: break
        case .duplicate, .unknown: counters.unexpected.increment()
        }
    }

    /// An answer, or one part of it.
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
            if let ids = response.sids, ids.count == clients, ids.allSatisfy(PacketWireFormat.isID) {
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
                services.invalid("acknowledgement", error)
            }
        default: services.invalid("response", WireFormatError.shape("response type"))
        }
    }
}
