// Part of socketio-server, MIT licence; see LICENSE.

import NIOConcurrencyHelpers
import NIOCore
import SocketIORedis

@testable import HiredisNIO

/// A message somebody published.
struct Published: Sendable, Equatable {
    let channel: String
    let payload: [UInt8]

    var text: String { String(decoding: payload, as: UTF8.self) }
}

extension Published {
    /// A command; XADD as the name of the stream and the values of the fields, a line each.
    init(_ command: RedisPublish) {
        let reader = RESPReader()
        reader.feed(command.bytes)
        guard case .value(.array(let words))? = try? reader.next(), words.first?.stringValue == "XADD",
            words.count == 14
        else {
            self.init(channel: String(buffer: command.channel), payload: Array(command.payload.readableBytesView))
            return
        }
        let values = stride(from: 7, to: 14, by: 2).map { words[$0].stringValue ?? "" }
        self.init(
            channel: "XADD \(words[1].stringValue ?? "")", payload: Array(values.joined(separator: "\n").utf8))
    }
}

/// Redis as a test plays it: records what is published, hands in what it is told to.
final class ScriptedTransport: PubSubTransport, Sendable {
    struct State {
        var published: [Published] = []
        var channels: Set<String> = []
        var patterns: Set<String> = []
        var unsubscribed: [String] = []
        /// Streams that are read.
        var streams: [String] = []
        /// What PUBSUB NUMSUB answers for every channel.
        var subscribers = 2
        /// Channels for which it answers 0.
        var deserted: Set<String> = []
        var admission = TransportAdmission.accepted
        /// Whether accepted messages are confirmed at once.
        var confirms = true
        /// The newest entry when a stream begins to be read.
        var newest = RedisStreamID.zero
        /// Answers other commands, given as their words.
        var answer: @Sendable ([String]) throws -> RESPValue = { _ in .null }
        /// Commands whose answers wait for ``ScriptedTransport/giveAnswers()``.
        var holds: @Sendable ([String]) -> Bool = { _ in false }
        /// How many of them wait.
        var held = 0
        /// How many accepted messages wait for their confirmation.
        var unanswered = 0
    }

    let eventLoop: any EventLoop
    private let state = NIOLockedValueBox(State())
    private let told: NIOLoopBoundBox<Told?>
    private let readers: NIOLoopBoundBox<[String: RedisStreamReader.Handlers]>
    private let heldAnswers: NIOLoopBoundBox<[() -> Void]>

    private struct Told {
        weak var delegate: (any PubSubTransportDelegate)?
    }

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        told = .makeEmptyBox(eventLoop: eventLoop)
        heldAnswers = .makeBoxSendingValue([], eventLoop: eventLoop)
        readers = .makeBoxSendingValue([:], eventLoop: eventLoop)
    }

    /// On the event loop.
    private var delegate: (any PubSubTransportDelegate)? { told.value?.delegate }

    func with<Value: Sendable>(_ body: (inout State) -> Value) -> Value { state.withLockedValue(body) }

    /// What has been published, heartbeats left out.
    var published: [Published] {
        state.withLockedValue { $0.published }.filter {
            !$0.channel.contains("-node#") && !($0.channel.hasPrefix("XADD") && $0.text.contains("\n\n67\n"))
        }
    }

    /// How many messages wait for their confirmation, which the caller now gives.
    func takeUnanswered() -> Int {
        state.withLockedValue { state in
            defer { state.unanswered = 0 }
            return state.unanswered
        }
    }

    func forget() { state.withLockedValue { $0.published = [] } }

    /// A message comes from Redis; on the channel `XADD …` an entry of the stream.
    func deliver(_ channel: String, _ payload: [UInt8]) async throws {
        if channel.hasPrefix("XADD ") {
            let values = payload.split(separator: UInt8(ascii: "\n"), maxSplits: 3, omittingEmptySubsequences: false)
            let fields = zip(["uid", "nsp", "type", "data"], values).map {
                RedisStreamEntry.Field(name: ByteBuffer(string: $0), value: ByteBuffer(bytes: $1))
            }
            let reader = readers
            return try await eventLoop.submit {
                reader.value[String(channel.dropFirst(5))]?.onEntries([
                    RedisStreamEntry(id: RedisStreamID(milliseconds: 1, sequence: 1), fields: fields)
                ])
            }.get()
        }
        let patterns = state.withLockedValue { $0.patterns }
        let pattern = patterns.first { channel.hasPrefix($0.dropLast().replacing("\\", with: "")) }
        try await eventLoop.submit {
            self.delegate?.received(
                ByteBuffer(bytes: payload), channel: ByteBuffer(string: channel),
                pattern: pattern.map(ByteBuffer.init(string:)))
        }.get()
    }

    /// Many messages come, on a channel or, if a pattern matches, by that.
    func deliver(_ channel: String, all payloads: [[UInt8]]) async throws {
        let pattern = state.withLockedValue { $0.patterns }.first {
            channel.hasPrefix($0.dropLast().replacing("\\", with: ""))
        }
        try await eventLoop.submit {
            for payload in payloads {
                self.delegate?.received(
                    ByteBuffer(bytes: payload), channel: ByteBuffer(string: channel),
                    pattern: pattern.map(ByteBuffer.init(string:)))
            }
        }.get()
    }

    /// An entry of the stream `socket.io` comes.
    func deliver(_ id: RedisStreamID, _ values: String...) async throws {
        let fields = zip(["uid", "nsp", "type", "data"], values).map {
            RedisStreamEntry.Field(name: ByteBuffer(string: $0), value: ByteBuffer(string: $1))
        }
        let readers = readers
        try await eventLoop.submit {
            readers.value["socket.io"]?.onEntries([RedisStreamEntry(id: id, fields: fields)])
        }.get()
    }

    /// Both connections come or go.
    func set(isUp: Bool) async throws {
        state.withLockedValue { $0.admission = isUp ? .accepted : .notConnected }
        try await eventLoop.submit {
            self.delegate?.publisherChanged(isUp: isUp, reason: "told so")
            self.delegate?.subscriberChanged(isUp: isUp, reason: "told so")
        }.get()
    }

    func onDelegate(_ body: @escaping @Sendable (any PubSubTransportDelegate) -> Void) async throws {
        try await eventLoop.submit { if let delegate = self.delegate { body(delegate) } }.get()
    }

    // MARK: PubSubTransport

    func start(_ delegate: any PubSubTransportDelegate) {
        told.value = Told(delegate: delegate)
        guard case .accepted = state.withLockedValue({ $0.admission }) else { return }
        delegate.publisherChanged(isUp: true, reason: "")
        delegate.subscriberChanged(isUp: true, reason: "")
    }

    func close() {}

    func publish(_ message: RedisPublish) -> TransportAdmission {
        let (admission, confirms) = state.withLockedValue { state in
            if case .accepted = state.admission {
                state.published.append(Published(message))
                if !state.confirms { state.unanswered += 1 }
            }
            return (state.admission, state.confirms)
        }
        if case .accepted = admission, confirms {
            eventLoop.execute { self.delegate?.published(.delivered(1)) }
        }
        return admission
    }

    func execute(
        _ command: RESPCommand, patience: TimeAmount, _ done: @escaping (Result<RESPValue, any Error>) -> Void
    ) {
        let reader = RESPReader()
        reader.feed(command.bytes)
        guard case .value(.array(let words))? = try? reader.next() else { return done(.success(.null)) }
        let (answer, holds) = state.withLockedValue { ($0.answer, $0.holds) }
        let texts = words.map { $0.stringValue ?? "" }
        if holds(texts) {
            heldAnswers.value.append { done(Result { try answer(texts) }) }
            return with { $0.held += 1 }
        }
        done(Result { try answer(texts) })
    }

    /// Gives the answers that have been held back, and those that follow.
    func giveAnswers() async throws {
        with { ($0.holds, $0.held) = ({ _ in false }, 0) }
        try await eventLoop.submit {
            let answers = self.heldAnswers.value
            self.heldAnswers.value = []
            for answer in answers { answer() }
        }.get()
    }

    func makeReader(
        of stream: String, pageSize: Int, _ handlers: RedisStreamReader.Handlers
    ) -> any StreamReading {
        state.withLockedValue { $0.streams.append(stream) }
        readers.value[stream] = handlers
        return ScriptedReader(handlers, at: state.withLockedValue { $0.newest })
    }

    func subscribe(
        channels: [String], patterns: [String], _ done: @escaping (Result<Void, any Error>) -> Void
    ) {
        state.withLockedValue {
            $0.channels.formUnion(channels)
            $0.patterns.formUnion(patterns)
        }
        done(.success(()))
    }

    func unsubscribe(channels: [String], patterns: [String]) {
        state.withLockedValue {
            $0.unsubscribed += patterns + channels
            $0.channels.subtract(channels)
            $0.patterns.subtract(patterns)
        }
    }

    func subscriberCounts(
        of channels: [String], _ done: @escaping (Result<[Int], any Error>) -> Void
    ) {
        let (count, deserted) = state.withLockedValue { ($0.subscribers, $0.deserted) }
        done(.success(channels.map { deserted.contains($0) ? 0 : count }))
    }
}

/// A stream in which nothing happens.
private final class ScriptedReader: StreamReading {
    private let handlers: RedisStreamReader.Handlers
    private let newest: RedisStreamID

    init(_ handlers: RedisStreamReader.Handlers, at newest: RedisStreamID) {
        (self.handlers, self.newest) = (handlers, newest)
    }

    func start() { handlers.onStart(newest) }
    func close() {}
}
