// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import LoopConfinement
internal import NIOCore
internal import SocketIOCore

/// The short way out, for what is sent on the event loop and needs no encoder: the packet is written where it leaves from.
///
/// Each of these returns false, with nothing done, when the general way has to be taken.
extension Socket {
    /// Sends the acknowledgement of a received event with arguments that were received.
    func acknowledgeInPlace(id: Int, relaying arguments: EventArguments) -> Bool {
        core.runIfHere { $0.acknowledgeInPlace(id: id, relaying: arguments) } ?? false
    }

    /// Sends the acknowledgement of a received event with these values.
    func acknowledgeInPlace<each Value>(id: Int, _ values: repeat each Value) -> Bool {
        core.runIfHere { $0.acknowledgeInPlace(id: id, repeat each values) } ?? false
    }

    /// Sends an event with these values, or drops it when it is volatile and would have to wait.
    func emitInPlace<each Value>(_ event: String, isVolatile: Bool = false, _ values: repeat each Value) -> Bool {
        core.runIfHere { $0.emitInPlace(event, isVolatile: isVolatile, repeat each values) } ?? false
    }
}

extension SocketCore {
    fileprivate func acknowledgeInPlace(id: Int, relaying arguments: EventArguments) -> Bool {
        guard !client.isPacked else { return false }
        guard connected else { return true }
        // The closures know the bytes only: another name for the arguments would count references.
        return arguments.payload.withTail(from: arguments.offset) { elements in
            let nsp = part.name
            let bound = DefaultEncoder.ackBound(nsp: nsp, relaying: elements)
            client.session.send(textUpTo: bound, origin: part.number) { output in
                DefaultEncoder.writeAck(nsp: nsp, id: id, relaying: elements, into: output)
            }
        }
    }

    fileprivate func acknowledgeInPlace<each Value>(id: Int, _ values: repeat each Value) -> Bool {
        let nsp = part.name
        guard !client.isPacked, let bound = DefaultEncoder.ackBound(nsp: nsp, repeat each values) else { return false }
        guard connected else { return true }
        client.session.send(textUpTo: bound, origin: part.number) { output in
            DefaultEncoder.writeAck(nsp: nsp, id: id, repeat each values, into: output)
        }
        return true
    }

    fileprivate func emitInPlace<each Value>(
        _ event: String, isVolatile: Bool, _ values: repeat each Value
    ) -> Bool {
        let nsp = part.name
        guard !isGone, !client.isPacked, part.log == nil, hooks?.outgoing.isEmpty ?? true,
            !ReservedEventNames.contains(event),
            let bound = DefaultEncoder.eventBound(nsp: nsp, event: event, repeat each values)
        else { return false }
        let session = client.session
        guard !isVolatile || session.isWritable else {
            context.metrics.volatileDropped.increment()
            return true
        }
        session.send(textUpTo: bound, origin: part.number) { output in
            DefaultEncoder.writeEvent(nsp: nsp, event: event, repeat each values, into: output)
        }
        return true
    }
}
