// Part of socketio-server, MIT licence; see LICENSE.

/// Which parameters of a handler take the acknowledgement; found once, at registration.
struct ArgumentPlan: Sendable, Equatable {
    private var acknowledgements: UInt64 = 0

    init<each Argument>(_ types: repeat (each Argument).Type) {
        var bit: UInt64 = 1
        for type in repeat each types {
            if takesAcknowledgement(type) { acknowledgements |= bit }
            bit &<<= 1
        }
    }

    /// Whether the parameter at `index` is an `Ack`. Parameters from the 65th on are not looked at.
    func isAcknowledgement(at index: Int) -> Bool {
        acknowledgements != 0 && index < 64 && acknowledgements & (1 &<< UInt64(index)) != 0
    }
}

/// Passes the arguments of one event to one handler, from left to right.
struct ArgumentCursor {
    private let arguments: EventArguments
    private let responder: AckResponder?
    private let plan: ArgumentPlan
    private var parameter = 0
    private var argument = 0

    init(_ context: borrowing EventDispatch, _ plan: ArgumentPlan) {
        self.arguments = context.arguments
        self.responder = context.responder
        self.plan = plan
    }

    mutating func next<Value: Decodable>(_ type: Value.Type) throws -> Value {
        defer { parameter += 1 }
        guard !plan.isAcknowledgement(at: parameter) else { return try Value(from: AckDecoder(responder: responder)) }
        defer { argument += 1 }
        return try arguments.decode(type, at: argument)
    }
}
