// Part of socketio-server, MIT licence; see LICENSE.

public import NIOCore

/// The body of a request as a sequence of buffers, in order. It can be read only once.
///
/// Reading begins with the first iterator: only then is a client that waits for `100 Continue` told to go on. Iteration
/// throws when the connection ends before the body does, or when the body is malformed or too slow.
public struct ApplicationRequestBody: AsyncSequence, Sendable {
    /// One piece of the body.
    public typealias Element = ByteBuffer

    typealias Producer = NIOThrowingAsyncSequenceProducer<
        ByteBuffer, any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, RequestBodySource
    >

    /// The body is longer than the limit given to ``collect(upTo:)``.
    public struct TooLarge: Error {}

    private let sequence: Producer?
    private let begin: @Sendable () -> Void

    init(sequence: Producer?, begin: @escaping @Sendable () -> Void) {
        self.sequence = sequence
        self.begin = begin
    }

    /// Starts reading the body.
    public func makeAsyncIterator() -> Iterator {
        begin()
        return Iterator(base: sequence?.makeAsyncIterator())
    }

    /// The whole body in one buffer; throws ``TooLarge`` when it is longer than `limit` bytes.
    public func collect(upTo limit: Int) async throws -> ByteBuffer {
        var whole = ByteBuffer()
        for try await piece in self {
            guard piece.readableBytes <= limit - whole.readableBytes else { throw TooLarge() }
            whole.writeImmutableBuffer(piece)
        }
        return whole
    }

    /// Iterates over the pieces.
    public struct Iterator: AsyncIteratorProtocol {
        let base: Producer.AsyncIterator?

        /// The next piece; nil at the end of the body.
        public mutating func next() async throws -> ByteBuffer? {
            try await base?.next()
        }
    }
}

/// Passes the reader's demand for body bytes to the connection. May be called from any thread.
final class RequestBodySource: NIOAsyncSequenceProducerDelegate {
    private let demand: @Sendable (_ goOn: Bool) -> Void

    init(demand: @escaping @Sendable (_ goOn: Bool) -> Void) {
        self.demand = demand
    }

    func produceMore() { demand(true) }

    /// The application has stopped reading: the rest of the body is discarded.
    func didTerminate() { demand(false) }
}
