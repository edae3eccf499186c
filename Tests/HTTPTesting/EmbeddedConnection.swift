// Part of socketio-server, MIT licence; see LICENSE.

package import HTTPServerCore
package import NIOCore
package import NIOEmbedded

/// A connection handler in an embedded channel, with a clock that the test moves. `Peer` is what answers the requests.
package final class EmbeddedConnection<Peer> {
    package let channel = EmbeddedChannel()
    package let peer: Peer
    private var received = ""

    /// - Parameter below: what is to be between the handler and the channel.
    package init(peer: Peer, server: HTTPServer, isSecure: Bool, below: (any ChannelHandler)?) throws {
        self.peer = peer
        if let below { try channel.pipeline.syncOperations.addHandler(below) }
        try channel.pipeline.syncOperations.addHandler(
            HTTPConnectionHandler(server: server, isSecure: isSecure, connections: nil, eventLoop: channel.eventLoop))
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.7", port: 4711)).wait()
    }

    package func send(_ text: String) throws {
        try send(ByteBuffer(string: text))
    }

    package func send(_ bytes: ByteBuffer) throws {
        guard channel.isActive else { return }
        try channel.writeInbound(bytes)
    }

    /// Everything the server has written so far.
    package func output() throws -> String {
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) { received += String(buffer: bytes) }
        return received
    }

    package func advance(by time: TimeAmount) {
        channel.embeddedEventLoop.advanceTime(by: time)
    }

    package var isOpen: Bool { channel.isActive }
}
