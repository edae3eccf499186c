// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import SocketIOCore

/// The messages that are being handled, and the answers to those that have been, up to a number, an amount of bytes, and an
/// age. Times are arguments.
struct HandledMessageTable: Sendable {
    struct Key: Sendable, Hashable {
        let sender: ExactName
        let id: ExactName

        init(sender: ExactName, id: ExactName) {
            self.sender = sender
            self.id = id
        }

        var size: Int { sender.text.utf8.count + id.text.utf8.count }
    }

    /// What the caller does with a message.
    enum Step: Sendable {
        case handle
        /// Another call handles it; ask again afterwards.
        case wait
        case answered(RawJSON)
    }

    private struct Answer: Sendable {
        let answer: RawJSON
        let number: UInt64
        let bytes: Int
    }

    private let maximumMessages: Int
    private let maximumBytes: Int
    private let lifetime: TimeAmount
    private var handling: Set<Key> = []
    private var answers: [Key: Answer] = [:]
    /// In the order in which they were given.
    private var order = CircularBuffer<(key: Key, number: UInt64, time: NIODeadline)>()
    private var lastNumber: UInt64 = 0
    /// Bytes of all ids and answers.
    private(set) var bytes = 0

    /// What an entry needs beside its own bytes.
    private static let overhead = 200

    init(maximumMessages: Int, maximumBytes: Int, lifetime: TimeAmount) {
        self.maximumMessages = maximumMessages
        self.maximumBytes = maximumBytes
        self.lifetime = lifetime
    }

    var count: Int { handling.count + answers.count }

    func isHandling(_ key: Key) -> Bool { handling.contains(key) }

    mutating func begin(_ key: Key, now: NIODeadline) -> Step {
        trim(now: now)
        if let known = answers[key] { return .answered(known.answer) }
        return handling.insert(key).inserted ? .handle : .wait
    }

    /// - Parameter answer: Nil when the message has not been handled after all.
    mutating func end(_ key: Key, _ answer: RawJSON?, now: NIODeadline) {
        handling.remove(key)
        guard let answer else { return }
        let size = answer.attachments.reduce(answer.text.readableBytes) { $0 + $1.readableBytes }
        lastNumber += 1
        let entry = Answer(answer: answer, number: lastNumber, bytes: size + key.size + Self.overhead)
        bytes += entry.bytes - (answers.updateValue(entry, forKey: key)?.bytes ?? 0)
        order.append((key, lastNumber, now))
        trim(now: now)
    }

    private mutating func trim(now: NIODeadline) {
        while let first = order.first,
            answers.count > maximumMessages || bytes > maximumBytes || now - first.time > lifetime
        {
            order.removeFirst()
            guard let entry = answers[first.key], entry.number == first.number else { continue }
            answers[first.key] = nil
            bytes -= entry.bytes
        }
    }
}
