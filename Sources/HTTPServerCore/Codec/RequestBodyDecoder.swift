// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Extracts one request body from a stream of bytes (RFC 9112, 6 and 7.1), one available piece at a time.
///
/// ```
/// length:   remaining > 0 ──data──▶ end
/// chunked:  size ──n──▶ data ──n bytes──▶ dataEnd ──CR LF──▶ size …     size ──0──▶ trailer ──empty line──▶ end
/// ```
struct RequestBodyDecoder {
    enum Event: Equatable {
        case data(ByteBuffer)
        case end
    }

    private enum State {
        case plain(remaining: Int)
        case size
        case data(remaining: Int)
        case dataEnd
        case trailer
        case ended
    }

    private static let maximumLine = 1024

    private var state: State
    /// How many more bytes chunk extensions and trailers may have; both are read and discarded.
    private var overheadLeft: Int

    /// - Parameter maximumOverhead: how many bytes chunk extensions and trailers may have together.
    init(_ framing: RequestHead.Framing, maximumOverhead: Int = 16 * 1024) {
        overheadLeft = maximumOverhead
        state =
            switch framing {
            case .none: .plain(remaining: 0)
            case .length(let length): .plain(remaining: length)
            case .chunked: .size
            }
    }

    /// How many bytes of the body are still to come; nil for a chunked body that has not ended.
    var remaining: Int? {
        switch state {
        case .plain(let remaining): remaining
        case .ended: 0
        default: nil
        }
    }

    /// The next piece at the front of `buffer`; nil when more bytes are needed. After `.end`, the bytes left in the
    /// buffer belong to the next request.
    mutating func next(_ buffer: inout ByteBuffer) throws(HTTPRequestError) -> Event? {
        while true {
            switch state {
            case .plain(remaining: 0):
                state = .ended
            case .plain(let remaining):
                guard let data = buffer.readSlice(length: min(remaining, buffer.readableBytes)), data.readableBytes > 0
                else { return nil }
                state = .plain(remaining: remaining - data.readableBytes)
                return .data(data)
            case .size:
                guard let line = try readLine(&buffer) else { return nil }
                let size = try Self.chunkSize(line)
                state = size == 0 ? .trailer : .data(remaining: size)
            case .data(let remaining):
                guard let data = buffer.readSlice(length: min(remaining, buffer.readableBytes)), data.readableBytes > 0
                else { return nil }
                let rest = remaining - data.readableBytes
                state = rest == 0 ? .dataEnd : .data(remaining: rest)
                return .data(data)
            case .dataEnd:
                guard let end = buffer.getInteger(at: buffer.readerIndex, as: UInt16.self) else { return nil }
                guard end == 0x0D0A else { throw .malformed("a chunk is longer than announced") }
                buffer.moveReaderIndex(forwardBy: 2)
                state = .size
            case .trailer:
                guard let line = try readLine(&buffer) else { return nil }
                if line.isEmpty { state = .ended }
            case .ended:
                return .end
            }
        }
    }

    /// One line without its CR LF.
    private mutating func readLine(_ buffer: inout ByteBuffer) throws(HTTPRequestError) -> ByteBufferView? {
        let view = buffer.readableBytesView
        guard let end = view.prefix(Self.maximumLine + 2).firstIndex(of: 0x0A) else {
            // With its CR LF a line may be two bytes longer, however its bytes are split over reads.
            if view.count >= Self.maximumLine + 2 { throw .malformed("a chunk line is too long") }
            return nil
        }
        let length = end - view.startIndex
        guard length > 0, view[end - 1] == 0x0D else { throw .malformed("a chunk line ends without CR") }
        let line = view[..<(end - 1)]
        guard line.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
            throw .malformed("a chunk line holds a control character")
        }
        // Sixteen bytes of each chunk line are not counted: they are a size and its line end.
        overheadLeft -= max(0, length - 16)
        guard overheadLeft >= 0 else { throw .chunksTooLarge }
        buffer.moveReaderIndex(forwardBy: length + 1)
        return line
    }

    private static func chunkSize(_ line: ByteBufferView) throws(HTTPRequestError) -> Int {
        var size = 0
        var digits = 0
        for byte in line {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            case UInt8(ascii: ";") where digits > 0: return size
            default: throw .malformed("no chunk size")
            }
            digits += 1
            // Any fifteen hexadecimal digits fit an Int.
            guard digits <= 15 else { throw .malformed("the chunk size is out of range") }
            size = size << 4 | Int(digit)
        }
        guard digits > 0 else { throw .malformed("no chunk size") }
        return size
    }
}
