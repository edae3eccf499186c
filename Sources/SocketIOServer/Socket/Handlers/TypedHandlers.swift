// Part of socketio-server, MIT licence; see LICENSE.

/// Takes the arguments as they came.
final class DynamicHandler: EventHandler {
    let id = ListenerID.make()
    private let handler: @Sendable (EventArguments, DynamicAck) throws -> Void

    init(_ handler: @escaping @Sendable (EventArguments, DynamicAck) throws -> Void) {
        self.handler = handler
    }

    var plan: ArgumentPlan { ArgumentPlan() }

    func run(_ context: borrowing EventDispatch, _ plan: ArgumentPlan) {
        context.attempt { try handler(context.arguments, DynamicAck(responder: context.responder)) }
    }
}

/// Takes the arguments as they came, and is asynchronous.
final class AsynchronousDynamicHandler: EventHandler {
    let id = ListenerID.make()
    private let handler: @Sendable (EventArguments, DynamicAck) async throws -> Void

    init(_ handler: @escaping @Sendable (EventArguments, DynamicAck) async throws -> Void) {
        self.handler = handler
    }

    var plan: ArgumentPlan { ArgumentPlan() }

    func run(_ context: borrowing EventDispatch, _ plan: ArgumentPlan) {
        let arguments = context.arguments
        context.start { [handler] responder in try await handler(arguments, DynamicAck(responder: responder)) }
    }
}

/// Synchronous, without a returned value.
final class SynchronousHandler<each Argument: Decodable & Sendable>: EventHandler {
    let id = ListenerID.make()
    private let handler: @Sendable (repeat each Argument) throws -> Void

    init(_ handler: @escaping @Sendable (repeat each Argument) throws -> Void) {
        self.handler = handler
    }

    var plan: ArgumentPlan { ArgumentPlan(repeat (each Argument).self) }

    func run(_ context: borrowing EventDispatch, _ plan: ArgumentPlan) {
        context.attempt {
            var cursor = ArgumentCursor(context, plan)
            let arguments = (repeat try cursor.next((each Argument).self))
            try handler(repeat each arguments)
        }
    }
}

/// Synchronous; the returned value is the acknowledgement.
final class AnsweringHandler<Answer: Encodable & Sendable, each Argument: Decodable & Sendable>: EventHandler {
    let id = ListenerID.make()
    private let handler: @Sendable (repeat each Argument) throws -> Answer

    init(_ handler: @escaping @Sendable (repeat each Argument) throws -> Answer) {
        self.handler = handler
    }

    var plan: ArgumentPlan { ArgumentPlan(repeat (each Argument).self) }

    func run(_ context: borrowing EventDispatch, _ plan: ArgumentPlan) {
        context.attempt {
            var cursor = ArgumentCursor(context, plan)
            let arguments = (repeat try cursor.next((each Argument).self))
            let answer = try handler(repeat each arguments)
            context.responder?.respond(answer)
        }
    }
}

/// Asynchronous, without a returned value.
final class AsynchronousHandler<each Argument: Decodable & Sendable>: EventHandler {
    let id = ListenerID.make()
    private let handler: @Sendable (repeat each Argument) async throws -> Void

    init(_ handler: @escaping @Sendable (repeat each Argument) async throws -> Void) {
        self.handler = handler
    }

    var plan: ArgumentPlan { ArgumentPlan(repeat (each Argument).self) }

    func run(_ context: borrowing EventDispatch, _ plan: ArgumentPlan) {
        context.attempt {
            var cursor = ArgumentCursor(context, plan)
            let arguments = (repeat try cursor.next((each Argument).self))
            context.start { [handler] _ in try await handler(repeat each arguments) }
        }
    }
}

/// Asynchronous; the returned value is the acknowledgement.
final class AsynchronousAnsweringHandler<Answer: Encodable & Sendable, each Argument: Decodable & Sendable>:
    EventHandler
{
    let id = ListenerID.make()
    private let handler: @Sendable (repeat each Argument) async throws -> Answer

    init(_ handler: @escaping @Sendable (repeat each Argument) async throws -> Answer) {
        self.handler = handler
    }

    var plan: ArgumentPlan { ArgumentPlan(repeat (each Argument).self) }

    func run(_ context: borrowing EventDispatch, _ plan: ArgumentPlan) {
        context.attempt {
            var cursor = ArgumentCursor(context, plan)
            let arguments = (repeat try cursor.next((each Argument).self))
            context.start { [handler] responder in
                let answer = try await handler(repeat each arguments)
                responder?.respond(answer)
            }
        }
    }
}
