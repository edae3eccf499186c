// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore
package import NIOHTTP1

/// The component behind the connections of a listener: it answers their requests and receives their reports.
///
/// Each connection gets its service once. All calls come from the connection's event loop, unless a method says
/// otherwise.
package protocol HTTPService: AnyObject, Sendable {
    /// Sees a complete request head first. It may change the request, or refuse it with the response that it returns.
    func admit(_ request: inout HTTPServerRequest) -> HTTPServerResponse?

    /// Answers a request. Called as soon as its head is complete. Every exchange must be answered, refused, taken over, handed to
    /// an application or left unanswered.
    func handle(_ exchange: HTTPExchange)

    /// The buffer that all plaintext connections of this event loop read into; nil when each has a buffer of its own.
    func receiveBuffer(for eventLoop: NIOIsolatedEventLoop) -> ReceiveBufferPool?

    /// Whether the service wants calls of ``answered(_:)``; asked once, when a listener is made.
    var wantsRecords: Bool { get }
    /// A request was answered or given up.
    func answered(_ record: HTTPRequestRecord)

    /// A request was refused with this status, 400 or above, by the connection or by its service.
    func countRefusal(_ status: HTTPResponseStatus)
    /// The client with this address has exceeded a limit.
    func exceeded(_ limit: HTTPLimit, by address: String, on eventLoop: any EventLoop)
    /// A connection of a trusted proxy was closed because it did not begin with a PROXY header.
    func proxyHeaderMissing(from address: String, on eventLoop: any EventLoop)
    /// A listener has refused connections because the process has no descriptors left for them. On the listener's event loop.
    func refusedForDescriptors(_ count: Int, limit: Int, on eventLoop: any EventLoop)
}

extension HTTPService {
    package func admit(_ request: inout HTTPServerRequest) -> HTTPServerResponse? { nil }
    package func receiveBuffer(for eventLoop: NIOIsolatedEventLoop) -> ReceiveBufferPool? { nil }
    package var wantsRecords: Bool { false }
    package func answered(_ record: HTTPRequestRecord) {}
    package func countRefusal(_ status: HTTPResponseStatus) {}
    package func exceeded(_ limit: HTTPLimit, by address: String, on eventLoop: any EventLoop) {}
    package func proxyHeaderMissing(from address: String, on eventLoop: any EventLoop) {}
    package func refusedForDescriptors(_ count: Int, limit: Int, on eventLoop: any EventLoop) {}
}

/// One answered request.
package struct HTTPRequestRecord: Sendable {
    /// The method; empty when the head could not be read.
    package let method: String
    /// Path and query as sent; the query may hold secrets.
    package let target: String
    /// The status of the answer; nil when the request was given up without one.
    package let status: UInt?
    /// Bytes of head and body.
    package let bytesSent: Int
    package let duration: TimeAmount
    package let clientAddress: String

    package init(
        method: String, target: String, status: UInt?, bytesSent: Int, duration: TimeAmount, clientAddress: String
    ) {
        self.method = method
        self.target = target
        self.status = status
        self.bytesSent = bytesSent
        self.duration = duration
        self.clientAddress = clientAddress
    }
}
