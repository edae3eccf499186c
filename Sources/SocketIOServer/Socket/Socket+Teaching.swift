// Part of socketio-server, MIT licence; see LICENSE.

// Calls that look right to users of Socket.IO in other languages, with what to write instead.

/// A socket cannot be sent as an argument, because it is a connection of this server.
@available(*, unavailable, message: "a Socket cannot be sent; send socket.id, or what your application knows of it")
extension Socket: Encodable {
    /// Always throws.
    public func encode(to encoder: any Encoder) throws {
        throw EncodingError.invalidValue(
            self,
            EncodingError.Context(
                codingPath: encoder.codingPath,
                debugDescription: "a Socket cannot be sent; send socket.id, or what your application knows of it"))
    }
}

/// A socket cannot be received as an argument. Register handlers of connections with `onConnection`.
@available(
    *, unavailable, message: "a Socket is no argument of an event; handlers of connections are for onConnection(_:)"
)
extension Socket: Decodable {
    /// Always throws.
    public convenience init(from decoder: any Decoder) throws {
        throw DecodingError.dataCorrupted(
            DecodingError.Context(
                codingPath: decoder.codingPath, debugDescription: "a Socket is no argument of an event"))
    }
}

extension Server {
    /// See ``onConnection(_:)-(_)``.
    @available(*, unavailable, message: "use onConnection(_:); events of other servers are for io.sockets.on(_:_:)")
    public func on(_ event: String, _ handler: @escaping @Sendable (Socket) async throws -> Void) {}

    /// See ``listen(host:port:)``.
    @available(*, unavailable, message: "use listen(host:port:), or run() with configuration.port")
    public func listen(_ port: Int) async throws {}
}

extension Namespace {
    /// See ``onConnection(_:)-(_)``.
    @available(*, unavailable, message: "use onConnection(_:)")
    public func on(_ event: String, _ handler: @escaping @Sendable (Socket) async throws -> Void) {}
}

extension ParentNamespace {
    /// See ``onConnection(_:)-(_)``.
    @available(*, unavailable, message: "use onConnection(_:)")
    public func on(_ event: String, _ handler: @escaping @Sendable (Socket) async throws -> Void) {}
}

extension SocketError {
    /// A listener for an event whose name belongs to the protocol, with what to call instead.
    static func reservedForListening(_ event: String) -> SocketError {
        let instead: [(name: String, call: String)] = [
            ("disconnect", "onDisconnect(_:)"), ("disconnecting", "onDisconnecting(_:)"),
            ("connect", "onConnection(_:) of the namespace"),
        ]
        let message = SocketError.reserved(event).message
        guard let call = instead.first(where: { $0.name.hasSameBytes(as: event) })?.call else {
            return .reserved(event)
        }
        return SocketError(.reservedEventName, "\(message): use \(call)")
    }
}
