// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import Metrics
internal import NIOCore
internal import SocketIOJWT
internal import SocketIOServer

/// Who may connect and join rooms, by the rules of the settings and by callback.
///
/// Clients join rooms of the namespace `/` by the event `room_join`, and leave them by `room_leave`, each with the name of
/// the room; the acknowledgement is `{ok: true}` or `{error: {message, data: {code}}}`.
struct Permissions: Sendable {
    /// Why a client may not do something; clients get it.
    struct Refusal: ClientFacingError, Equatable {
        enum Code: String, CaseIterable {
            case denied = "permission-denied"
            case unavailable = "permission-unavailable"
            case limit = "permission-limit"
        }

        let code: Code
        let message: String
        var data: SocketValue? { ["code": .string(code.rawValue)] }

        static let denied = "Not permitted"
        static let unavailable = "Permission check unavailable"
    }

    /// What the callback has said of a client when it connected.
    private struct Known: Sendable {
        let answer: PermissionCallback.Answer
    }

    static let joinEvent = "room_join"
    static let leaveEvent = "room_leave"

    private let rules: [RoomRule]
    /// Who is asked about clients that connect.
    private let connecting: PermissionCallback?
    /// Who is asked about rooms.
    private let joining: PermissionCallback?
    private let headers: [String]
    private let limits: Settings.Limits
    private let recovers: Bool

    /// Nil when the settings ask for none of it.
    init?(_ settings: Settings, logger: Logger, eventLoop: any EventLoop) {
        guard !settings.rooms.allow.isEmpty || settings.callback.isUsed else { return nil }
        rules = settings.rooms.allow.compactMap { try? RoomRule($0) }
        headers = settings.callback.headers
        limits = settings.limits
        recovers = settings.recovery.enabled
        connecting = PermissionCallback(.connect, settings.callback, logger: logger, eventLoop: eventLoop)
        joining = PermissionCallback(.room, settings.callback, logger: logger, eventLoop: eventLoop)
    }

    /// Looks at every socket of `/`, after its token.
    func protect(_ namespace: Namespace) {
        if connecting != nil {
            namespace.alwaysRunMiddlewares()
            namespace.use { try await admit($0) }
            namespace.onConnection { greet($0) }
        }
        guard !rules.isEmpty || joining != nil else { return }
        namespace.onConnection { socket in
            socket.set(JoinedRooms())
            socket.on(Self.joinEvent) { (room: String) async throws -> SocketValue in
                try await join(room, socket)
            }
            socket.on(Self.leaveEvent) { (room: String) async throws -> SocketValue in
                try await leave(room, socket)
            }
        }
    }

    /// The same for the namespaces of the chat's communities, whose rooms the chat decides about.
    func protect(_ namespaces: ParentNamespace) {
        guard connecting != nil else { return }
        namespaces.alwaysRunMiddlewares()
        namespaces.use { try await admit($0) }
        namespaces.onConnection { greet($0) }
    }

    /// Who a client is, as the callback has said; nil when it has not.
    func subject(of socket: Socket) -> String? { socket.get(Known.self)?.answer.claims?["sub"]?.string }

    /// Ends the connections to the callbacks.
    func close() async {
        await connecting?.close()
        await joining?.close()
    }

    // MARK: Connecting

    private func admit(_ socket: Socket) async throws {
        guard let connecting else { return }
        let handshake = socket.handshake
        var sent: SocketObject = [:]
        for name in headers {
            let values = handshake.headers[name]
            if !values.isEmpty { sent[name] = .string(values.joined(separator: ", ")) }
        }
        var question: SocketObject = [
            "namespace": .string(socket.namespace.name), "auth": auth(of: socket), "headers": .object(sent),
            "address": .string(handshake.address),
        ]
        if let claims = socket.tokenClaims { question["claims"] = claims.value }
        let answer = try await ask(connecting, question)
        guard answer.isAllowed else { throw Refusal(code: .denied, message: answer.message ?? Refusal.denied) }
        socket.set(Known(answer: answer))
        if let subject = answer.claims?["sub"]?.string, socket.tokenClaims == nil { socket.rateIdentity = subject }
        let members = answer.data?.object.map { Array($0) } ?? []
        let claims = socket.tokenClaims == nil ? answer.claims : nil
        guard !members.isEmpty || claims != nil else { return }
        socket.withData { data in
            var object = data.object ?? SocketObject()
            for (name, value) in members { object[name] = value }
            if let claims { object["claims"] = claims }
            data = .object(object)
        }
    }

    /// What the client gives in its options. With recovery, its library adds the secret of its earlier session and a
    /// position: they are no business of the program, and are different each time.
    private func auth(of socket: Socket) -> SocketValue {
        guard recovers, var members = socket.handshake.auth.object else { return socket.handshake.auth }
        members["pid"] = nil
        members["offset"] = nil
        return .object(members)
    }

    private func greet(_ socket: Socket) {
        guard let rooms = socket.get(Known.self)?.answer.rooms, !rooms.isEmpty else { return }
        socket.join(rooms)
    }

    // MARK: Rooms

    private func join(_ room: String, _ socket: Socket) async throws -> SocketValue {
        // Before the question: one that is refused is as much work as one that is not.
        try await charge(socket)
        try await require(room, socket)
        guard await socket.joinTelling(room) else { throw Self.limited() }
        socket.get(JoinedRooms.self)?.insert(room, most: limits.maxRoomsPerSocket) { socket.rooms }
        Self.count("joined")
        return ["ok": true]
    }

    /// A client may leave what it has joined, and what it may join: the server may have put it into other rooms on purpose.
    private func leave(_ room: String, _ socket: Socket) async throws -> SocketValue {
        if socket.get(JoinedRooms.self)?.remove(room) != true {
            try await charge(socket)
            try await require(room, socket)
        }
        socket.leave(room)
        Self.count("left")
        return ["ok": true]
    }

    /// Charges the rate of joins.
    private func charge(_ socket: Socket) async throws {
        guard await socket.chargeJoin() else { throw Self.limited() }
    }

    private static func limited() -> Refusal {
        count("limited")
        return Refusal(code: .limit, message: "A limit of the server does not allow another room")
    }

    private func require(_ room: String, _ socket: Socket) async throws {
        guard !room.isEmpty, room.utf8.count <= limits.maxNameLength, !room.hasSameBytes(as: socket.id) else {
            Self.count("refused")
            throw Refusal(code: .denied, message: Refusal.denied)
        }
        let claims = socket.tokenClaims?.value ?? socket.get(Known.self)?.answer.claims ?? [:]
        if rules.contains(where: { $0.allows(room, claims: claims) }) { return }
        var message = Refusal.denied
        // The id of each socket is a room for it alone, which a program that says yes to everything must not open.
        if let joining, !RoomRule.hasFormOfSocketID(room) {
            let question: SocketObject = [
                "namespace": .string(socket.namespace.name), "room": .string(room), "claims": claims,
            ]
            let answer: PermissionCallback.Answer
            do {
                answer = try await ask(joining, question)
            } catch {
                Self.count("failed")
                throw error
            }
            if answer.isAllowed { return }
            message = answer.message ?? message
        }
        Self.count("refused")
        throw Refusal(code: .denied, message: message)
    }

    private func ask(_ callback: PermissionCallback, _ question: SocketObject) async throws(Refusal)
        -> PermissionCallback.Answer
    {
        do {
            return try await callback.ask(question)
        } catch {
            throw Refusal(code: .unavailable, message: Refusal.unavailable)
        }
    }

    private static func count(_ outcome: String) {
        Counter(label: "socketio_room_requests_total", dimensions: [("outcome", outcome)]).increment()
    }
}
