// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import Testing

/// One frame as a client sends it.
struct ClientFrame {
    var opcode: UInt8
    var payload: [UInt8]
    var isFinal = true
    var reserved: UInt8 = 0
    var key: [UInt8]? = [0x37, 0xFA, 0x21, 0x3D]

    var bytes: [UInt8] {
        var bytes = [(isFinal ? 0x80 : 0) | reserved | opcode]
        let mask: UInt8 = key == nil ? 0 : 0x80
        if payload.count < 126 {
            bytes.append(mask | UInt8(payload.count))
        } else if payload.count <= 0xFFFF {
            bytes += [mask | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        } else {
            bytes.append(mask | 127)
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        guard let key else { return bytes + payload }
        return bytes + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
    }

    static func text(_ text: String, isFinal: Bool = true) -> ClientFrame {
        ClientFrame(opcode: 1, payload: Array(text.utf8), isFinal: isFinal)
    }

    static func more(_ payload: [UInt8], isFinal: Bool) -> ClientFrame {
        ClientFrame(opcode: 0, payload: payload, isFinal: isFinal)
    }

    static func close(_ payload: [UInt8]) -> ClientFrame { ClientFrame(opcode: 8, payload: payload) }
}

enum Outcome: Equatable {
    case event(WebSocketEvent)
    case error(WebSocketProtocolError)

    static func text(_ text: String) -> Outcome { .event(.message(.text(ByteBuffer(string: text)))) }
    static func binary(_ bytes: [UInt8]) -> Outcome { .event(.message(.binary(ByteBuffer(bytes: bytes)))) }
    static func ping(_ bytes: [UInt8]) -> Outcome { .event(.ping(ByteBuffer(bytes: bytes))) }
    static func pong(_ bytes: [UInt8]) -> Outcome { .event(.pong(ByteBuffer(bytes: bytes))) }
}

/// Feeds pieces and keeps every event, so that a buffer used again too early shows.
func assemble(_ pieces: [some Collection<UInt8>], limits: WebSocketLimits) -> [Outcome] {
    var assembler = MessageAssembler(limits: limits)
    var outcomes: [Outcome] = []
    for piece in pieces {
        var bytes = ByteBuffer(bytes: piece)
        assembler.receive(&bytes)
        do {
            while let event = try assembler.next(now: .uptimeNanoseconds(0)) { outcomes.append(.event(event)) }
        } catch {
            outcomes.append(.error(error))
        }
    }
    return outcomes
}

/// As `assemble`, with the short way for whole messages first: what a connection does.
func assembleAsRead(_ pieces: [some Collection<UInt8>], limits: WebSocketLimits) -> [Outcome] {
    var reader = WholeMessageReader()
    var assembler = MessageAssembler(limits: limits)
    var outcomes: [Outcome] = []
    for piece in pieces {
        let bytes = ByteBuffer(bytes: piece)
        var taken = 0
        while assembler.isBetweenMessages,
            let whole = reader.next(in: bytes, at: &taken, limit: limits.maximumMessageSize)
        {
            outcomes.append(.event(.message(whole.message)))
        }
        var rest = bytes
        rest.moveReaderIndex(forwardBy: taken)
        assembler.receive(&rest)
        do {
            while let event = try assembler.next(now: .uptimeNanoseconds(0)) { outcomes.append(.event(event)) }
        } catch {
            outcomes.append(.error(error))
        }
    }
    return outcomes
}

extension WholeMessage {
    var message: EngineMessage { isText ? .text(bytes) : .binary(bytes) }
}

/// What most tests allow.
let limits = WebSocketLimits(maximumMessageSize: 1000)

/// The frames in one piece, byte by byte, and cut once at every place: the same outcomes each time.
func expect(
    _ frames: [ClientFrame], give expected: [Outcome], limits: WebSocketLimits = limits,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let bytes = frames.flatMap(\.bytes)
    #expect(assemble([bytes], limits: limits) == expected, sourceLocation: sourceLocation)
    #expect(assemble(bytes.map { [$0] }, limits: limits) == expected, sourceLocation: sourceLocation)
    #expect(assembleAsRead([bytes], limits: limits) == expected, sourceLocation: sourceLocation)
    for cut in 1..<max(2, bytes.count) {
        let pieces = [bytes[..<cut], bytes[cut...]]
        #expect(assemble(pieces, limits: limits) == expected, "cut at \(cut)", sourceLocation: sourceLocation)
        #expect(assembleAsRead(pieces, limits: limits) == expected, "cut at \(cut)", sourceLocation: sourceLocation)
    }
}
