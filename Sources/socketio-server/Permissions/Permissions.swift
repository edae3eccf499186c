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
    private let callback: PermissionCallback
    private let headers: [String]
    private let maxNameLength: Int

    /// Nil when the settings ask for none of it.
    init?(_ settings: Settings, logger: Logger, eventLoop: any EventLoop) {
        guard !settings.rooms.allow.isEmpty || settings.callback.isUsed else { return nil }
        rules = settings.rooms.allow.compactMap { try? RoomRule($0) }
        headers = settings.callback.headers
        maxNameLength = settings.limits.maxNameLength
        callback = PermissionCallback(settings.callback, logger: logger, eventLoop: eventLoop)
    }

    /// Looks at every socket of `/`, after its token.
    func protect(_ namespace: Namespace) {
        if callback.isAsked(.connect) {
            namespace.alwaysRunMiddlewares()
            namespace.use { try await admit($0) }
            namespace.onConnection { greet($0) }
        }
        guard !rules.isEmpty || callback.isAsked(.room) else { return }
        namespace.onConnection { socket in
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
        guard callback.isAsked(.connect) else { return }
        namespaces.alwaysRunMiddlewares()
        namespaces.use { try await admit($0) }
        namespaces.onConnection { greet($0) }
    }

    /// Who a client is, as the callback has said; nil when it has not.
    func subject(of socket: Socket) -> String? { socket.get(Known.self)?.answer.claims?["sub"]?.string }

    /// Ends the connections to the callbacks.
    func close() async { await callback.close() }

    // MARK: Connecting

    private func admit(_ socket: Socket) async throws {
        let handshake = socket.handshake
        var sent: SocketObject = [:]
        for name in headers {
            let values = handshake.headers[name]
            if !values.isEmpty { sent[name] = .string(values.joined(separator: ", ")) }
        }
        var question: SocketObject = [
            "namespace": .string(socket.namespace.name), "auth": handshake.auth, "headers": .object(sent),
            "address": .string(handshake.address),
        ]
        if let claims = socket.tokenClaims { question["claims"] = claims.value }
        let answer = try await ask(.connect, question)
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

    private func greet(_ socket: Socket) {
        guard let rooms = socket.get(Known.self)?.answer.rooms, !rooms.isEmpty else { return }
        socket.join(rooms)
    }

    // MARK: Rooms

    private func join(_ room: String, _ socket: Socket) async throws -> SocketValue {
        try await require(room, socket)
        guard await socket.joinTelling(room) else {
            Self.count("limited")
            throw Refusal(code: .limit, message: "A limit of the server does not allow another room")
        }
        Self.count("joined")
        return ["ok": true]
    }

    /// A client may leave what it may join: the server may have put it into other rooms on purpose.
    private func leave(_ room: String, _ socket: Socket) async throws -> SocketValue {
        try await require(room, socket)
        socket.leave(room)
        Self.count("left")
        return ["ok": true]
    }

    private func require(_ room: String, _ socket: Socket) async throws {
        guard !room.isEmpty, room.utf8.count <= maxNameLength, !room.hasSameBytes(as: socket.id) else {
            Self.count("refused")
            throw Refusal(code: .denied, message: Refusal.denied)
        }
        let claims = socket.tokenClaims?.value ?? socket.get(Known.self)?.answer.claims ?? [:]
        if rules.contains(where: { $0.allows(room, claims: claims) }) { return }
        var message = Refusal.denied
        if callback.isAsked(.room) {
            let question: SocketObject = [
                "namespace": .string(socket.namespace.name), "room": .string(room), "claims": claims,
            ]
            let answer: PermissionCallback.Answer
            do {
                answer = try await ask(.room, question)
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

    private func ask(_ kind: PermissionCallback.Kind, _ question: SocketObject) async throws(Refusal)
        -> PermissionCallback.Answer
    {
        do {
            return try await callback.ask(kind, question)
        } catch {
            throw Refusal(code: .unavailable, message: Refusal.unavailable)
        }
    }

    private static func count(_ outcome: String) {
        Counter(label: "socketio_room_requests_total", dimensions: [("outcome", outcome)]).increment()
    }
}
