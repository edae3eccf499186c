// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// What belongs to the request in progress: its decoder, and those who wait for its body, its answer or its end. How far it is,
/// ``HTTPConnectionStateMachine`` knows. Confined to the connection's event loop, and without checks of overlapping access, as the connection itself.
final class HTTPTransaction {
    /// The one who gets the body.
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
    /// Set while the application is to answer.
    @exclusivity(unchecked) var applicationAnswer: ApplicationAnswer?
    // Stored only while there is an observer.
    /// When the head was complete; nil when nobody observes, or what there was to tell has been told.
    @exclusivity(unchecked) var observedSince: NIODeadline?
    var clientAddress = ""
    @exclusivity(unchecked) var status: UInt?
    @exclusivity(unchecked) var bytesSent = 0

    /// The reader's end of a streamed body, until someone reads.
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
