// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import NIOCore

extension FuzzTarget {
    /// What a client sends after the upgrade. The first byte chooses limits and whether compression has been agreed on.
    static let webSocket = FuzzTarget(name: "websocket", maximumLength: 2048) { input in
        guard let choice = input.bytes.first else { return }
        let client = WebSocketClient(choice: choice)
        let outcomes = try input.inAllPieces(from: 1) { pieces in try client.read(pieces) }
        for outcome in outcomes {
            guard case .event(let event) = outcome else { continue }
            switch event {
            case .message(let message): try client.check(message)
            case .ping(let payload), .pong(let payload):
                try require(payload.readableBytes <= 125, "a control frame of \(payload.readableBytes) bytes")
            case .close(let code, let reason):
                try require(outcomes.last == outcome, "a close event is not the last one")
                try require(reason.utf8.count <= 123, "a reason of \(reason.utf8.count) bytes")
                try require(code.map { 1000...4999 ~= $0 } ?? true, "close code \(code ?? 0)")
            }
        }
    }
}

/// How the bytes of a client become messages, in the way of a connection: whole frames first, the rest by the assembler.
private struct WebSocketClient {
    enum Outcome: Equatable {
        case event(WebSocketEvent)
        case error(WebSocketProtocolError)
    }

    private static let sizes = [16, 125, 300, 4096]

    let limits: WebSocketLimits
    let isCompressionAgreed: Bool

    init(choice: UInt8) {
        isCompressionAgreed = choice & 1 != 0
        limits = WebSocketLimits(
            maximumMessageSize: Self.sizes[Int(choice >> 1 & 3)], maximumFragments: choice & 8 == 0 ? 1024 : 3,
            maximumControlFramesPerSecond: 5)
    }

    func read(_ pieces: [ArraySlice<UInt8>]) throws -> [Outcome] {
        var reader = WholeMessageReader()
        var assembler = MessageAssembler(limits: limits, decompressor: isCompressionAgreed ? FrameInflater() : nil)
        // Kept, so that memory used again too early shows.
        var outcomes: [Outcome] = []
        for piece in pieces {
            let bytes = FuzzInput.buffer(piece)
            var taken = 0
            while assembler.isBetweenMessages,
                let whole = reader.next(in: bytes, at: &taken, limit: limits.maximumMessageSize)
            {
                outcomes.append(.event(.message(whole.isText ? .text(whole.bytes) : .binary(whole.bytes))))
            }
            var rest = bytes
            rest.moveReaderIndex(forwardBy: taken)
            assembler.receive(&rest)
            do {
                while let event = try assembler.next(now: .uptimeNanoseconds(0)) { outcomes.append(.event(event)) }
            } catch {
                outcomes.append(.error(error))
            }
            // The room grows in powers of two; compressed data may be a little longer than what it stands for.
            let bound = 2 * (limits.maximumMessageSize + limits.maximumMessageSize / 256 + 64) + 512
            let held = assembler.bufferedCapacity
            try require(held <= bound, "\(held) bytes are held for a message")
        }
        return outcomes
    }

    func check(_ message: EngineMessage) throws {
        let (bytes, isText) =
            switch message {
            case .text(let bytes): (bytes, true)
            case .binary(let bytes): (bytes, false)
            }
        let size = bytes.readableBytes
        try require(size <= limits.maximumMessageSize, "a message of \(size) bytes, limit \(limits.maximumMessageSize)")
        if isText {
            try require(String(validating: bytes.readableBytesView, as: UTF8.self) != nil, "a text is no UTF-8")
        }
        let again = try read([Self.frame(bytes, isText: isText)[...]])
        try require(again == [.event(.message(message))], "sent again: \(again) instead of \(message)")
    }

    /// One masked frame.
    private static func frame(_ payload: ByteBuffer, isText: Bool) -> [UInt8] {
        let bytes = Array(payload.readableBytesView)
        var frame: [UInt8] = [isText ? 0x81 : 0x82]
        if bytes.count < 126 {
            frame.append(0x80 | UInt8(bytes.count))
        } else {
            frame += [0xFE, UInt8(bytes.count >> 8), UInt8(bytes.count & 0xFF)]
        }
        let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
        return frame + key + bytes.enumerated().map { $1 ^ key[$0 % 4] }
    }
}
