// Part of socketio-server, MIT licence; see LICENSE.

internal import FailureText
internal import SocketIOCore
internal import SocketIOServer

/// One thing that a request to the HTTP API asks to be done.
struct APIOperation: Sendable {
    /// The kinds, by the last part of their path.
    enum Kind: String, CaseIterable, Sendable {
        case emit
        case join
        case leave
        case disconnect

        var scope: APIScope { self == .emit ? .emit : .manage }
    }

    private enum Action: Sendable {
        case emit(event: String, arguments: [SocketValue], isVolatile: Bool, ackTimeout: Duration?)
        case join([String])
        case leave([String])
        case disconnect(close: Bool)
    }

    let kind: Kind
    let namespace: String
    private let rooms: [String]
    private let except: [String]
    private let action: Action

    /// Takes everything out of the fields.
    ///
    /// - Throws: `APIError` that names the field.
    init(_ kind: Kind, _ fields: inout APIFields, limits: APILimits) throws(APIError) {
        self.kind = kind
        namespace = try fields.namespace()
        rooms = try fields.names("to")
        except = try fields.names("except")
        switch kind {
        case .emit:
            guard let event = try fields.text("event", longest: limits.maxEventNameLength) else {
                throw .field("event", "is missing")
            }
            guard !EventName.isReserved(event) else { throw .field("event", "is reserved by the protocol") }
            let milliseconds = try fields.number("ackTimeoutMs", 1...limits.maxAckTimeoutMs)
            action = .emit(
                event: event, arguments: try fields.list("args") ?? [], isVolatile: try fields.flag("volatile"),
                ackTimeout: milliseconds.map { .milliseconds($0) })
        case .join, .leave:
            let names = try fields.names("rooms")
            guard !names.isEmpty else { throw .field("rooms", "is missing: the rooms to \(kind.rawValue)") }
            action = kind == .join ? .join(names) : .leave(names)
        case .disconnect:
            action = .disconnect(close: try fields.flag("close"))
        }
        guard kind != .emit else { return }
        // Forgotten, it would disconnect everybody.
        let meansEveryone = try fields.flag("everyone")
        guard meansEveryone == rooms.isEmpty else {
            throw .field("to", "names the rooms or socket ids; set \"everyone\": true, without 'to', to mean all")
        }
    }

    /// Does it, on all nodes.
    ///
    /// - Throws: `APIError`.
    func run(on server: Server) async throws(APIError) -> SocketValue {
        let result: SocketValue?
        do {
            result = try await server.withNamespace(namespace) { try await perform(in: $0) }
        } catch {
            throw APIError(code: .unavailable, message: failureText(error))
        }
        guard let result else { throw .unknownNamespace(namespace) }
        return result
    }

    private func perform(in namespace: Namespace) async throws -> SocketValue {
        var target = namespace.to(rooms).except(except)
        switch action {
        case .emit(let event, let arguments, let isVolatile, let ackTimeout):
            if isVolatile { target = target.volatile }
            guard let ackTimeout else {
                target.emit(event, arguments: arguments)
                break
            }
            return Self.value(try await target.timeout(ackTimeout).emitWithAnswers(event, arguments: arguments))
        case .join(let names): target.socketsJoin(names)
        case .leave(let names): target.socketsLeave(names)
        case .disconnect(let close): target.disconnectSockets(close: close)
        }
        return ["ok": true]
    }

    private static func value(_ answers: BroadcastAnswers) -> SocketValue {
        [
            "ok": true,
            "complete": .bool(answers.isComplete),
            "answers": .array(
                answers.answers.map { answer in
                    [
                        "socket": answer.socketID.map(SocketValue.string) ?? .null,
                        "args": .array(answer.arguments.values),
                    ]
                }),
            "missing": .array(answers.missing.map(SocketValue.string)),
            "missingUnnamed": .int(Int64(answers.missingUnnamed)),
            "silentServers": .int(Int64(answers.silentServers)),
        ]
    }
}
