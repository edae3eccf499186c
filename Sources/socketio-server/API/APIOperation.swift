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

    /// How an event is sent.
    private enum Way: Sendable {
        case plain
        case volatile
        /// Kept in the history of the room.
        case durable
        case acknowledged(within: Duration)
    }

    private enum Action: Sendable {
        case emit(event: String, arguments: [SocketValue], way: Way)
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
            let arguments = try fields.list("args") ?? []
            action = .emit(event: event, arguments: arguments, way: try Self.way(&fields, rooms, limits))
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

    private static func way(
        _ fields: inout APIFields, _ rooms: [String], _ limits: APILimits
    ) throws(APIError) -> Way {
        let milliseconds = try fields.number("ackTimeoutMs", 1...limits.maxAckTimeoutMs)
        let isVolatile = try fields.flag("volatile")
        guard try fields.flag("durable") else {
            if let milliseconds { return .acknowledged(within: .milliseconds(milliseconds)) }
            return isVolatile ? .volatile : .plain
        }
        guard !isVolatile, milliseconds == nil else {
            throw .field("durable", "excludes 'volatile' and 'ackTimeoutMs'")
        }
        guard rooms.count == 1 else { throw .field("durable", "needs exactly one room in 'to'") }
        return .durable
    }

    /// Does it, on all nodes.
    ///
    /// - Throws: `APIError`.
    func run(on server: Server) async throws(APIError) -> SocketValue {
        let result: SocketValue?
        do {
            result = try await server.withNamespace(namespace) { try await perform(in: $0) }
        } catch let error as SocketError where error.code == .tooLarge {
            throw APIError(code: .tooLarge, message: error.message)
        } catch let error as SocketError where error.code == .notSupported && isDurable {
            throw .field("durable", "cannot be used: \(error.message)")
        } catch let error as SocketError where error.code == .roomRefused {
            throw .field("to", "is refused: \(error.message)")
        } catch {
            throw APIError(code: .unavailable, message: failureText(error))
        }
        guard let result else { throw .unknownNamespace(namespace) }
        return result
    }

    private var isDurable: Bool {
        if case .emit(_, _, .durable) = action { true } else { false }
    }

    private func perform(in namespace: Namespace) async throws -> SocketValue {
        let target = namespace.to(rooms).except(except)
        switch action {
        case .emit(let event, let arguments, let way):
            switch way {
            case .plain: target.emit(event, arguments: arguments)
            case .volatile: target.volatile.emit(event, arguments: arguments)
            case .durable:
                let position = try await target.durable.emit(event, arguments: arguments)
                return ["ok": true, "position": .string(position.description)]
            case .acknowledged(let timeout):
                return Self.value(try await target.timeout(timeout).emitWithAnswers(event, arguments: arguments))
            }
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
