// Part of socketio-server, MIT licence; see LICENSE.

public import NIOCore
internal import NIOPosix

/// Where the server under test listens, and how to reach it.
public struct ServerAddress: Sendable {
    /// Host name or address; default 127.0.0.1.
    public var host: String
    /// TCP port.
    public var port: Int
    /// The loops on which client connections live; default the process-wide ones.
    public var group: any EventLoopGroup
    /// Prepares a new connection before anything else reads it, for example with a TLS handler; default nothing.
    public var prepare: (@Sendable (any Channel) throws -> Void)?

    /// An address; `prepare` runs on the connection's event loop.
    public init(
        host: String = "127.0.0.1", port: Int, group: (any EventLoopGroup)? = nil,
        prepare: (@Sendable (any Channel) throws -> Void)? = nil
    ) {
        self.host = host
        self.port = port
        self.group = group ?? MultiThreadedEventLoopGroup.singleton
        self.prepare = prepare
    }
}
