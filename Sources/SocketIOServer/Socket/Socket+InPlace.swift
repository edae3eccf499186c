// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOCore
internal import SocketIOCore

/// The short way out, for what is sent on the event loop and needs no encoder: the packet is written where it leaves from.
///
/// Each of these returns false, with nothing done, when the general way has to be taken.
extension Socket {
    /// Sends the acknowledgement of a received event with arguments that were received.
    func acknowledgeInPlace(id: Int, relaying arguments: EventArguments) -> Bool {
        let nsp = namespace.name
        guard eventLoop.inEventLoop,
            let length = DefaultEncoder.ackLength(
                nsp: nsp, id: id, relaying: arguments.payload, from: arguments.offset)
        else { return false }
        guard connected else { return true }
        client.session.send(textUpTo: length) { output in
            DefaultEncoder.writeAck(
                nsp: nsp, id: id, relaying: arguments.payload, from: arguments.offset, into: output)
        }
        return true
    }

    /// Sends the acknowledgement of a received event with these values.
    func acknowledgeInPlace<each Value>(id: Int, _ values: repeat each Value) -> Bool {
        let nsp = namespace.name
        guard eventLoop.inEventLoop, let bound = DefaultEncoder.ackBound(nsp: nsp, id: id, repeat each values) else {
            return false
        }
        guard connected else { return true }
        client.session.send(textUpTo: bound) { output in
            DefaultEncoder.writeAck(nsp: nsp, id: id, repeat each values, into: output)
        }
        return true
    }

    /// Sends an event with these values.
    func emitInPlace<each Value>(_ event: String, _ values: repeat each Value) -> Bool {
        let nsp = namespace.name
        guard eventLoop.inEventLoop, !isGone, hooks?.outgoing.isEmpty ?? true,
            !ReservedEventNames.contains(event),
            let bound = DefaultEncoder.eventBound(nsp: nsp, event: event, repeat each values)
        else { return false }
        client.session.send(textUpTo: bound) { output in
            DefaultEncoder.writeEvent(nsp: nsp, event: event, repeat each values, into: output)
        }
        return true
    }
}
