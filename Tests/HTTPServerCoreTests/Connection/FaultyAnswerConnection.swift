// Part of socketio-server, MIT licence; see LICENSE.

import HTTPTesting
import NIOCore
import NIOEmbedded
import NIOHTTP1

@testable import HTTPServerCore

/// A connection handler whose socket is full where a test says so, and whose channel holds what the socket has not taken until
/// the test lets it go.
///
/// ``received`` is what a client has got, in the order in which it left: a byte that overtakes another one, comes twice or never
/// is seen there.
final class FaultyAnswerConnection {
    /// What has left, whichever way.
    fileprivate final class Line {
        var bytes: [UInt8] = []
    }

    /// In place of the kernel: takes everything up to a place in the stream, where it is full once.
    final class Socket: ResponseSocket {
        fileprivate let line: Line
        /// How many bytes it takes before it is full; what it is given after that, it takes.
        private let place: Int
        private var taken = 0
        private(set) var wasFull = false
        private(set) var calls = 0

        fileprivate init(line: Line, fullAt place: Int) {
            (self.line, self.place) = (line, place)
        }

        func send(_ buffer: ByteBuffer, isLast: Bool) -> Int {
            calls += 1
            var count = buffer.readableBytes
            if !wasFull, taken + count > place {
                wasFull = true
                count = place - taken
            }
            taken += count
            line.bytes += buffer.readableBytesView.prefix(count)
            return count
        }
    }

    /// In place of NIO and a full socket: writes wait until they are released, and fail when the channel closes.
    final class Dam: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        fileprivate let line: Line
        private var held: CircularBuffer<(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)> = []
        /// How many writes have come here.
        private(set) var writes = 0
        /// Bytes that a close has cut off.
        private(set) var lost = 0

        fileprivate init(line: Line) { self.line = line }

        var heldBytes: Int { held.reduce(0) { $0 + $1.bytes.readableBytes } }

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            writes += 1
            held.append((unwrapOutboundIn(data), promise))
        }

        func flush(context: ChannelHandlerContext) {}

        func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            lost += heldBytes
            while let write = held.popFirst() { write.promise?.fail(ChannelError.ioOnClosedChannel) }
            context.close(mode: mode, promise: promise)
        }

        /// Lets so many bytes go. Promises are kept as NIO keeps them, when all of their write has left.
        func release(_ count: Int = .max) {
            var rest = count
            while rest > 0, var write = held.popFirst() {
                let part = write.bytes.readSlice(length: min(rest, write.bytes.readableBytes)) ?? ByteBuffer()
                line.bytes += part.readableBytesView
                rest -= part.readableBytes
                guard write.bytes.readableBytes == 0 else { return held.prepend(write) }
                write.promise?.succeed()
            }
        }
    }

    let connection: EmbeddedConnection
    let socket: Socket
    let dam: Dam
    private let line: Line
    let handler: HTTPConnectionHandler
    var service: ScriptedService { connection.service }
    var isOpen: Bool { connection.isOpen }

    /// - Parameter place: how many bytes of the answers the socket takes before it is full for once.
    init(
        fullAt place: Int, service: ScriptedService = ScriptedService(), isSecure: Bool = false,
        configure: (inout HTTPServerConfiguration) -> Void = { _ in }
    ) throws {
        let line = Line()
        self.line = line
        socket = Socket(line: line, fullAt: place)
        dam = Dam(line: line)
        connection = try EmbeddedConnection(service: service, isSecure: isSecure, below: dam, configure: configure)
        handler = try connection.channel.pipeline.syncOperations.handler(type: HTTPConnectionHandler.self)
        handler.socket = socket
    }

    func send(_ text: String) throws { try connection.send(text) }

    var received: String { String(decoding: line.bytes, as: UTF8.self) }
    var receivedCount: Int { line.bytes.count }
}
