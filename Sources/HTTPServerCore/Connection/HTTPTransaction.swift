// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// The objects of the request in progress: its decoder, and the receivers of its body, its answer and its end.
/// ``HTTPConnectionStateMachine`` knows how far the request has come. Confined to the connection's event loop, and,
/// like the connection itself, without checks of overlapping access.
final class HTTPTransaction {
    /// The receiver of the body.
    enum Reader {
        case none
        case collector(ByteBuffer, @Sendable (Result<ByteBuffer, RequestBodyError>) -> Void)
        case stream(ApplicationRequestBody.Producer.Source)
    }

    let head: RequestHead
    @exclusivity(unchecked) var decoder: RequestBodyDecoder
    @exclusivity(unchecked) var reader = Reader.none
    @exclusivity(unchecked) var exchange: HTTPExchange?
    /// The application's task.
    @exclusivity(unchecked) var task: Task<Void, Never>?
    /// The application's answer, while an application handles the request.
    @exclusivity(unchecked) var applicationAnswer: ApplicationAnswer?
    // Stored only while there is an observer.
    /// When the head was complete; nil when nothing observes requests, or when this request has been reported.
    @exclusivity(unchecked) var observedSince: NIODeadline?
    var clientAddress = ""
    @exclusivity(unchecked) var status: UInt?
    @exclusivity(unchecked) var bytesSent = 0

    /// The producer of a streamed body, until someone reads.
    @exclusivity(unchecked) var bodySource: ApplicationRequestBody.Producer.Source?

    /// - Parameter maximumOverhead: see ``RequestBodyDecoder``.
    init(head: RequestHead, maximumOverhead: Int) {
        self.head = head
        decoder = RequestBodyDecoder(head.framing, maximumOverhead: maximumOverhead)
    }

    /// The bytes of the body that have been collected so far.
    var collectedBytes: Int {
        if case .collector(let buffer, _) = reader { buffer.readableBytes } else { 0 }
    }
}
