// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// The body of a polling response that several clients of an event loop get, compressed once for each coding they
/// accept. Confined to the loop.
final class PollingBody {
    let plain: ByteBuffer
    /// Whether one of its messages may be compressed.
    let mayCompress: Bool
    private var packed: [ContentCoding: ByteBuffer] = [:]
    private var held: [ContentCoding?: HeldBytes] = [:]

    init(_ plain: ByteBuffer, mayCompress: Bool) {
        self.plain = plain
        self.mayCompress = mayCompress
    }

    /// The compressed body; nil when it must not or cannot be compressed.
    func packed(_ coding: ContentCoding, level: Int, by compressor: BodyCompressor) -> ByteBuffer? {
        guard mayCompress else { return nil }
        if let body = packed[coding] { return body }
        guard let body = compressor.compress(plain, coding: coding, level: level) else { return nil }
        packed[coding] = body
        return body
    }

    /// The memory of the body in a coding (nil: uncompressed): the same object for all clients that it is queued for.
    func held(_ coding: ContentCoding?, in budget: BufferBudget) -> HeldBytes {
        if let held = held[coding] { return held }
        let body = coding.flatMap { packed[$0] } ?? plain
        let made = HeldBytes(body.memoryBytes, in: budget)
        held[coding] = made
        return made
    }
}

/// A body built from queued messages.
struct AnsweredChunk {
    let body: PollingBody
    /// Retained, so that no other message can reuse the address of one of them.
    private let messages: [HeldMessage]

    init(_ messages: [HeldMessage]) {
        var plain = ByteBuffer()
        plain.reserveCapacity(messages.reduce(0) { $0 + $1.message.frameBytes })
        for held in messages { PollingPayloadEncoder.append(held.message, to: &plain) }
        self.body = PollingBody(plain, mayCompress: messages.contains(where: \.message.compress))
        self.messages = messages
    }

    func isMade(of others: [HeldMessage]) -> Bool {
        messages.count == others.count && zip(messages, others).allSatisfy { $0 === $1 }
    }
}

/// Compresses bodies of polling responses and counts how often. Confined to an event loop.
final class BodyCompressor {
    private(set) var count = 0

    func compress(_ body: ByteBuffer, coding: ContentCoding, level: Int) -> ByteBuffer? {
        count += 1
        return BodyCompression.compress(body, coding: coding, level: level)
    }
}
