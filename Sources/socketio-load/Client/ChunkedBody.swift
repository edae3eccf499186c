// Part of socketio-server, MIT licence; see LICENSE.

/// A body in chunks (RFC 9112, 7.1), read when all of it is there.
enum ChunkedBody {
    enum ReadResult: Equatable {
        case incomplete
        /// The body, and how many bytes it took on the wire.
        case body([UInt8], length: Int)
        case invalid
    }

    /// Reads the body at the beginning of `bytes`.
    static func read(_ bytes: UnsafeBufferPointer<UInt8>) -> ReadResult {
        var chunks: [Range<Int>] = []
        var total = 0
        var position = 0
        while let line = ByteLine.first(of: bytes, from: position) {
            guard let size = size(line.text), total + size <= HTTPAnswer.bodyLimit else { return .invalid }
            position = line.end
            if size == 0 { return trailer(bytes, from: position, chunks) }
            total += size
            guard bytes.count >= position + size + 2 else { return .incomplete }
            chunks.append(position..<position + size)
            position += size
            guard bytes[position] == 13, bytes[position + 1] == 10 else { return .invalid }
            position += 2
        }
        // Extensions of a chunk are short, if there are any.
        return bytes.count - position > HTTPAnswer.headLimit ? .invalid : .incomplete
    }

    /// What follows the last chunk means nothing here.
    private static func trailer(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, _ chunks: [Range<Int>]
    ) -> ReadResult {
        var position = start
        while let line = ByteLine.first(of: bytes, from: position) {
            position = line.end
            if line.text.isEmpty { return .body(chunks.flatMap { bytes[$0] }, length: position) }
        }
        return bytes.count - start > HTTPAnswer.headLimit ? .invalid : .incomplete
    }

    /// The hexadecimal number in front of a chunk.
    private static func size(_ line: UnsafeBufferPointer<UInt8>) -> Int? {
        let end = line.firstIndex { $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: " ") } ?? line.count
        return UnsafeBufferPointer(rebasing: line[..<end]).hexadecimal(atMost: HTTPAnswer.bodyLimit)
    }
}
