// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

extension FuzzTarget {
    private static let maximumPackets = 24

    /// The body of a polling request.
    static let pollingPayload = FuzzTarget(name: "polling-payload", maximumLength: 4096) { input in
        let packets = try decode(input.buffer)
        try require(packets.count <= maximumPackets, "\(packets.count) packets, \(maximumPackets) allowed")
        var size = 0
        for packet in packets { size += packet.byteCount }
        try require(size <= input.bytes.count, "\(size) bytes in the packets of \(input.bytes.count)")

        let again = try decode(PollingPayloadEncoder.encode(packets.map(\.outbound)))
        try require(
            again.map(\.bytes) == packets.map(\.bytes), "written and read again: \(again) instead of \(packets)")
    }

    /// What a client of revision 3 sends: a polling body in both forms, and a message of a WebSocket as text and as bytes.
    static let revision3 = FuzzTarget(name: "revision3", maximumLength: 4096) { input in
        for format in [PollingFormat.measuredText, .measuredBinary] {
            let packets = try decode(input.buffer, format)
            try require(packets.count <= maximumPackets, "\(packets.count) packets, \(maximumPackets) allowed")
            let size = packets.reduce(0) { $0 + $1.byteCount }
            try require(size <= input.bytes.count, "\(size) bytes in the packets of \(input.bytes.count)")
            guard packets.allSatisfy(\.canBeWritten) else { continue }
            let (body, isBinary) = Revision3Encoder.encode(packets.map(\.outbound), binary: format == .measuredBinary)
            let again = try decode(body, isBinary ? .measuredBinary : .measuredText)
            try require(
                again.map(\.bytes) == packets.map(\.bytes), "written and read again: \(again) instead of \(packets)")
        }
        if let packet = try? Revision3Codec.decodeBinary(input.buffer) { try checkMessage(packet) }
        if UTF8Validator.isValid(input.buffer), let packet = try? Revision3Codec.decodeText(input.buffer) {
            try checkMessage(packet)
        }
    }

    /// A message of a WebSocket, written and read again.
    private static func checkMessage(_ packet: EnginePacket) throws {
        guard packet.canBeWritten else { return }
        for base64 in [false, true] {
            let written = packet.outbound.inRevision3(base64: base64)
            let again =
                try written.isBinary
                ? Revision3Codec.decodeBinary(written.payloadBuffer)
                : Revision3Codec.decodeText(written.payloadBuffer)
            try require(again.bytes == packet.bytes, "written and read again: \(again) instead of \(packet)")
        }
    }

    /// The packets before the first bad one.
    private static func decode(_ body: ByteBuffer, _ format: PollingFormat = .separated) throws -> [EnginePacket] {
        var decoder = PollingPayloadDecoder(body: body, maximumPackets: maximumPackets, format: format)
        var packets: [EnginePacket] = []
        do {
            while let packet = try decoder.next() { packets.append(packet) }
        } catch {
            let afterwards = try? decoder.next()
            try require(afterwards == nil, "a packet comes after an error")
        }
        return packets
    }
}

extension EnginePacket {
    /// The type as its digit, `b` for binary, and the payload.
    fileprivate var parts: (type: UInt8, payload: ByteBuffer) {
        switch self {
        case .open(let payload): (UInt8(ascii: "0"), payload)
        case .close: (UInt8(ascii: "1"), ByteBuffer())
        case .ping(let payload): (UInt8(ascii: "2"), payload)
        case .pong(let payload): (UInt8(ascii: "3"), payload)
        case .message(.text(let payload)): (UInt8(ascii: "4"), payload)
        case .message(.binary(let payload)): (UInt8(ascii: "b"), payload)
        case .upgrade: (UInt8(ascii: "5"), ByteBuffer())
        case .noop: (UInt8(ascii: "6"), ByteBuffer())
        }
    }

    fileprivate var bytes: [UInt8] { [parts.type] + Array(parts.payload.readableBytesView) }

    /// The server writes binary data in messages only; a client may put it into a ping.
    fileprivate var canBeWritten: Bool {
        if case .message = self { true } else { UTF8Validator.isValid(parts.payload) }
    }

    fileprivate var byteCount: Int { parts.payload.readableBytes }

    fileprivate var outbound: OutboundPacket {
        if case .message(.binary(let payload)) = self { return .binary(payload) }
        return .text(type: parts.type, payload: parts.payload)
    }
}
