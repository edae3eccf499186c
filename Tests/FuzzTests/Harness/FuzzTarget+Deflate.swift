// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

@testable internal import EngineIOServer

extension FuzzTarget {
    /// Messages of `permessage-deflate`, two after each other with one inflater. The first byte chooses the limit.
    static let deflate = FuzzTarget(name: "deflate", maximumLength: 2048) { input in
        guard let choice = input.bytes.first else { return }
        let limit = [1, 100, 4096, 65_536][Int(choice & 3)]
        let inflater = FrameInflater()
        let compressed = FuzzInput.buffer(input.bytes.dropFirst())
        let first = try unpack(compressed, inflater, limit: limit)
        let second = try unpack(compressed, inflater, limit: limit)
        try require(first == second, "the same bytes unpack to something else after the first time")
        guard case .success(let message) = first else { return }

        let deflater = FrameDeflater(level: 1 + Int(choice >> 2) % 9, windowBits: 15)
        var packed = ByteBuffer()
        guard deflater.deflate(message.readableBytesView, into: &packed) else { return }
        try require(packed.readableBytes < message.readableBytes, "compression has made it longer")
        let again = try unpack(packed, inflater, limit: limit)
        try require(again == .success(message), "packed and unpacked it is another message")
    }

    private static func unpack(
        _ bytes: ByteBuffer, _ inflater: FrameInflater, limit: Int
    ) throws -> Result<ByteBuffer, WebSocketProtocolError> {
        let result: Result<ByteBuffer, WebSocketProtocolError>
        var (size, held) = (0, 0)
        do throws(WebSocketProtocolError) {
            let message = try inflater.inflate(bytes, limit: limit)
            held = message.capacity
            result = .success(message)
            size = message.readableBytes
        } catch {
            result = .failure(error)
        }
        try require(size <= limit, "a message of \(size) bytes, limit \(limit)")
        // One step more than the limit at most, in powers of two.
        let bound = 2 * (limit + 4096) + 4 * bytes.readableBytes
        try require(held <= bound, "\(held) bytes are held for a message of at most \(limit)")
        return result
    }
}
