// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// One request in progress on its connection: how far its body has been read and its answer written.
///
/// A connection has at most one; requests sent ahead wait in the connection's buffer, so that answers leave in order.
/// Confined to the connection's event loop, and without checks of overlapping access, as the connection itself.
final class HTTPTransaction {
    /// Who gets the body.
    enum Consumer {
        /// Nobody yet: it waits, and the client is held back.
        case none
        case collect(limit: Int, ByteBuffer, @Sendable (Result<ByteBuffer, RequestBodyError>) -> Void)
        case stream(ApplicationRequestBody.Producer.Source, wantsMore: Bool)
        /// Nobody any more; so many bytes are thrown away before the connection is given up instead.
        case discard(budget: Int)
    }

    enum Answer {
        case pending
        /// The head of a streamed answer has been written.
        case started
        case complete
    }

    let head: RequestHead
    @exclusivity(unchecked) var decoder: RequestBodyDecoder
    @exclusivity(unchecked) var consumer = Consumer.none
    @exclusivity(unchecked) var answer = Answer.pending
    @exclusivity(unchecked) var isBodyComplete: Bool
    /// Whether `100 Continue` is still owed.
    @exclusivity(unchecked) var owesContinue: Bool
    /// When the body must be complete or, for a streamed body, the next piece there.
    @exclusivity(unchecked) var bodyDeadline: NIODeadline?
    /// When a foreign upgrade is ended.
    @exclusivity(unchecked) var giveUpDeadline: NIODeadline?
    @exclusivity(unchecked) var exchange: HTTPExchange?
    /// The middlewares' or the application's task.
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
        isBodyComplete = head.framing == .none
        owesContinue = head.expectsContinue
    }

    /// Whether body bytes may be decoded now.
    var wantsBody: Bool {
        if isBodyComplete { return false }
        return switch consumer {
        case .none: false
        case .collect, .discard: true
        case .stream(_, let wantsMore): wantsMore
        }
    }
}
