// Part of socketio-server, MIT licence; see LICENSE.

/// Turns the application's typed handlers into ``EventHandler``s.
///
/// Synchronous handlers run where the event is dispatched, on the socket's event loop. Asynchronous ones start there
/// too, before the dispatch returns, and are left alone at their first suspension: events reach handlers in the order
/// of their arrival up to the first `await`.
enum HandlerAdapter {
    static func dynamic(
        _ handler: @escaping @Sendable (EventArguments, DynamicAck) throws -> Void
    ) -> EventHandler {
        { context in
            do {
                try handler(context.arguments, DynamicAck(responder: context.responder))
            } catch {
                context.scope.handlerFailed(error, event: context.event, responder: context.responder)
            }
        }
    }

    static func synchronous<each Argument: Decodable & Sendable>(
        _ handler: @escaping @Sendable (repeat each Argument) throws -> Void
    ) -> EventHandler {
        let plan = ArgumentPlan(repeat (each Argument).self)
        return { context in
            do {
                var cursor = ArgumentCursor(context, plan)
                let arguments = (repeat try cursor.next((each Argument).self))
                try handler(repeat each arguments)
            } catch {
                context.scope.handlerFailed(error, event: context.event, responder: context.responder)
            }
        }
    }

    static func synchronous<each Argument: Decodable & Sendable, Answer: Encodable & Sendable>(
        returning handler: @escaping @Sendable (repeat each Argument) throws -> Answer
    ) -> EventHandler {
        let plan = ArgumentPlan(repeat (each Argument).self)
        return { context in
            do {
                var cursor = ArgumentCursor(context, plan)
                let arguments = (repeat try cursor.next((each Argument).self))
                let answer = try handler(repeat each arguments)
                context.responder?.respond(answer)
            } catch {
                context.scope.handlerFailed(error, event: context.event, responder: context.responder)
            }
        }
    }

    static func asynchronous<each Argument: Decodable & Sendable>(
        _ handler: @escaping @Sendable (repeat each Argument) async throws -> Void
    ) -> EventHandler {
        let plan = ArgumentPlan(repeat (each Argument).self)
        return { context in
            do {
                var cursor = ArgumentCursor(context, plan)
                let arguments = (repeat try cursor.next((each Argument).self))
                let (scope, event, responder) = (context.scope, context.event, context.responder)
                Task.immediate(executorPreference: scope.executor) {
                    do {
                        try await handler(repeat each arguments)
                    } catch {
                        scope.handlerFailed(error, event: event, responder: responder)
                    }
                }
            } catch {
                context.scope.handlerFailed(error, event: context.event, responder: context.responder)
            }
        }
    }

    static func asynchronous<each Argument: Decodable & Sendable, Answer: Encodable & Sendable>(
        returning handler: @escaping @Sendable (repeat each Argument) async throws -> Answer
    ) -> EventHandler {
        let plan = ArgumentPlan(repeat (each Argument).self)
        return { context in
            do {
                var cursor = ArgumentCursor(context, plan)
                let arguments = (repeat try cursor.next((each Argument).self))
                let (scope, event, responder) = (context.scope, context.event, context.responder)
                Task.immediate(executorPreference: scope.executor) {
                    do {
                        let answer = try await handler(repeat each arguments)
                        responder?.respond(answer)
                    } catch {
                        scope.handlerFailed(error, event: event, responder: responder)
                    }
                }
            } catch {
                context.scope.handlerFailed(error, event: context.event, responder: context.responder)
            }
        }
    }
}

/// Which parameters of a handler take the acknowledgement; found once, at registration.
struct ArgumentPlan: Sendable {
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

/// Hands the arguments of one event to one handler, left to right.
struct ArgumentCursor {
    private let arguments: EventArguments
    private let responder: AckResponder?
    private let plan: ArgumentPlan
    private var parameter = 0
    private var argument = 0

    init(_ context: EventContext, _ plan: ArgumentPlan) {
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
