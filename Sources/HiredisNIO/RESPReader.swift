// Part of socketio-server, MIT licence; see LICENSE.

internal import CHiredis
package import NIOCore

/// Bytes of a server → replies, by hiredis' `redisReader`.
///
/// hiredis keeps a copy of what it was fed until a reply is complete. Short strings that lie whole in the buffer fed last,
/// such as names and ids, are handed out as slices of that buffer. All others are copied once more: a message may wait or be
/// kept for minutes, and a slice would keep the whole buffer, which can be a hundred times as large.
///
/// Bounds: nothing is set aside because of an announced count or length; strings over the limit are skipped as they
/// come in; hiredis' buffer is released when it is empty and larger than 1 MiB (its own default, 16 KiB, would
/// release it after every burst).
///
/// Not thread-safe; belongs to the event loop of its connection.
package final class RESPReader {
    private let reader: UnsafeMutablePointer<redisReader>?
    private let limits: RESPLimits
    /// The reply that is being read.
    private var items: RESPItems
    private var failure: RESPError?
    /// What was fed to us and not yet to hiredis.
    private var chunk = ByteBuffer()
    /// Sum of the bytes in hiredis' buffer since its creation; a position in this stream is `streamEnd - len + offset`.
    private var streamEnd = 0
    /// How far hiredis has been fed. The reader index stays before it, because a slice must be of readable bytes.
    private var fedIndex = 0
    /// Stream position and chunk index from which on stream and chunk run in parallel.
    private var chunkStream = 0
    private var chunkIndex = 0
    /// Bytes of a string over the limit that are still to be thrown away, with its line end.
    private var skipping = 0
    /// Strings skipped so far.
    package var skippedStrings: Int { items.skippedStrings }

    /// No message of another node is as short as this.
    private static let longestSlice = 64

    /// How much hiredis is fed at once. It moves the rest of its buffer forward after each kilobyte of replies, so
    /// little and often is faster than much at a time.
    private static let pieceSize = 4096

    package init(limits: RESPLimits = RESPLimits(), recognisesMessages: Bool = false) {
        self.limits = limits
        self.items = RESPItems(limits: limits, recognisesMessages: recognisesMessages)
        self.reader = redisReaderCreateWithFunctions(RESPReaderFunctions.table)
        reader?.pointee.maxbuf = 1 << 20
        reader?.pointee.privdata = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit {
        if let reader { redisReaderFree(reader) }
    }

    /// Adds received bytes. Call ``next()`` until it returns nil before feeding more.
    package func feed(_ bytes: ByteBuffer) {
        if fedIndex >= chunk.writerIndex {
            chunk = bytes
        } else {
            var rest = bytes
            chunk.moveReaderIndex(to: fedIndex)
            chunk.writeBuffer(&rest)
        }
        fedIndex = chunk.readerIndex
        chunkStream = streamEnd
        chunkIndex = fedIndex
    }

    /// The next complete reply, or nil when more bytes are needed. After an error every call throws it again.
    package func next() throws(RESPError) -> RESPReply? {
        if let failure { throw failure }
        guard let reader else { throw .outOfMemory }
        while true {
            var done: UnsafeMutableRawPointer?
            let status = redisReaderGetReply(reader, &done)
            if status != REDIS_OK { throw fail(items.failure ?? Self.error(of: reader)) }
            if done != nil { return items.takeReply() }
            if try checkAwaited(reader) { continue }
            guard feedPiece(reader) else { return nil }
        }
    }

    private func fail(_ error: RESPError) -> RESPError {
        failure = error
        items.removeAll()
        chunk = ByteBuffer()
        return error
    }

    private static func error(of reader: UnsafeMutablePointer<redisReader>) -> RESPError {
        if reader.pointee.err == REDIS_ERR_OOM { return .outOfMemory }
        let text = withUnsafeBytes(of: &reader.pointee.errstr) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        return .malformed(text)
    }

    /// Whether a reply has begun and is not complete.
    package var isInsideReply: Bool {
        guard failure == nil, let reader else { return false }
        return skipping > 0 || !items.isEmpty || reader.pointee.len > reader.pointee.pos
    }

    // MARK: Feeding

    /// Feeds the next piece of the chunk. Returns false when nothing is left.
    private func feedPiece(_ reader: UnsafeMutablePointer<redisReader>) -> Bool {
        if skipping > 0 {
            let skipped = min(skipping, chunk.writerIndex - fedIndex)
            fedIndex += skipped
            skipping -= skipped
            chunkStream = streamEnd
            chunkIndex = fedIndex
        }
        let readable = chunk.writerIndex - fedIndex
        guard readable > 0 else { return false }
        let count = min(readable, max(Self.pieceSize, missingBytes))
        let fed = chunk.withUnsafeReadableBytes { bytes in
            let start = bytes.baseAddress.map { $0 + (fedIndex - chunk.readerIndex) }
            return redisReaderFeed(reader, start?.assumingMemoryBound(to: CChar.self), count)
        }
        guard fed == REDIS_OK else { return true }  // the next call for a reply reports the error
        fedIndex += count
        streamEnd += count
        return true
    }

    /// Bytes that the awaited string lacks, so that a long one is not fed in small pieces.
    private var missingBytes = 0

    /// Looks at the item that is not complete yet: announced lengths are judged before their bytes arrive.
    /// Returns true when hiredis can go on without more bytes.
    private func checkAwaited(_ reader: UnsafeMutablePointer<redisReader>) throws(RESPError) -> Bool {
        missingBytes = 0
        let type = chiredis_awaited_type(reader)
        let unread = reader.pointee.len - reader.pointee.pos
        guard type >= 0, unread > 0 else { return false }
        switch type {
        case REDIS_REPLY_STATUS, REDIS_REPLY_ERROR:
            if unread > limits.maximumLineLength + 1 { throw fail(.lineTooLong(limit: limits.maximumLineLength)) }
        case REDIS_REPLY_STRING:
            return try checkString(reader, unread: unread)
        default:
            // Arrays whose header is complete are not awaited items; this is a header or an integer.
            if unread > Self.maximumHeader { throw fail(.lineTooLong(limit: Self.maximumHeader)) }
        }
        return false
    }

    /// More digits than a 64-bit number can have.
    private static let maximumHeader = 32

    private func checkString(_ reader: UnsafeMutablePointer<redisReader>, unread: Int) throws(RESPError) -> Bool {
        guard let buffer = reader.pointee.buf else { return false }
        let start = UnsafeRawPointer(buffer + reader.pointee.pos)
        let header = UnsafeRawBufferPointer(start: start, count: min(unread, Self.maximumHeader))
        guard let digits = header.firstIndex(of: UInt8(ascii: "\r")) else {
            if unread >= Self.maximumHeader { throw fail(.lineTooLong(limit: Self.maximumHeader)) }
            return false
        }
        // Digits, their line end, the bytes, their line end. Anything else is hiredis' to refuse.
        guard digits + 1 < header.count, header[digits + 1] == UInt8(ascii: "\n"),
            let length = Int(String(decoding: header[..<digits], as: UTF8.self)), length >= 0
        else { return false }
        let present = unread - digits - 2
        if items.isOverLimit(length) {
            items.skipString()
            skipping = length > Int.max - 2 ? Int.max : length + 2 - present
            // hiredis sees a nil instead; the rest of the string never reaches it.
            streamEnd -= chiredis_replace_by_nil(reader)
            chunkStream = streamEnd
            chunkIndex = fedIndex
            return true
        }
        missingBytes = length + 2 - present
        return false
    }

    // MARK: hiredis' object functions

    func addString(_ task: UnsafePointer<redisReadTask>, _ start: UnsafeMutablePointer<CChar>, _ count: Int)
        -> Bool
    {
        let bytes = slice(start, count)
        return switch task.pointee.type {
        case REDIS_REPLY_STRING: items.add(bulk: bytes)
        case REDIS_REPLY_ERROR: items.add(line: bytes, isError: true)
        default: items.add(line: bytes, isError: false)
        }
    }

    func addArray(_ task: UnsafePointer<redisReadTask>, _ count: Int) -> Bool {
        items.add(array: count, depth: Int(chiredis_depth(task)))
    }

    func addInteger(_ value: Int64) -> Bool { items.add(integer: value) }

    func addNull() -> Bool { items.addNull() }

    /// A slice of the chunk when the string is short and lies in it, else a copy out of hiredis' buffer.
    private func slice(_ start: UnsafeMutablePointer<CChar>, _ count: Int) -> ByteBuffer {
        if count <= Self.longestSlice, let reader, let buffer = reader.pointee.buf {
            let position = streamEnd - reader.pointee.len + (start - buffer)
            if position >= chunkStream,
                let slice = chunk.getSlice(at: chunkIndex + (position - chunkStream), length: count)
            {
                return slice
            }
        }
        return ByteBuffer(bytes: UnsafeRawBufferPointer(start: start, count: count))
    }
}
