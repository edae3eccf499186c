// Part of socketio-server, MIT licence; see LICENSE.

internal import CHiredis
package import NIOCore

/// Why bytes are no RESP2, or too much of it. The connection cannot be read any further.
package enum RESPError: Error, Hashable, Sendable {
    /// hiredis' own text.
    case malformed(String)
    case tooManyElements(limit: Int)
    case tooDeep(limit: Int)
    case lineTooLong(limit: Int)
    case outOfMemory
}

/// Bytes of a server → replies, by hiredis' `redisReader`.
///
/// hiredis keeps a copy of what it was fed until a reply is complete. Strings that lie whole in the buffer fed last
/// are handed out as slices of that buffer, only those that span two are copied once more.
///
/// Bounds: nothing is set aside because of an announced count or length; strings over the limit are skipped as they
/// come in; hiredis' buffer is released when it is empty and larger than 1 MiB (its own default, 16 KiB, would
/// release it after every burst).
///
/// Not thread-safe; belongs to the event loop of its connection.
package final class RESPReader {
    /// One item of the reply that is being read, in wire order.
    private enum Item {
        case null
        case integer(Int64)
        case simple(ByteBuffer)
        case error(ByteBuffer)
        case bulk(ByteBuffer)
        case array(Int)
    }

    private let reader: UnsafeMutablePointer<redisReader>?
    private let limits: RESPLimits
    private let recognisesMessages: Bool
    private var items: [Item] = []
    private var replyBytes = 0
    private var replyIsTooLarge = false
    private var failure: RESPError?
    /// What was fed to us and not yet to hiredis.
    private var chunk = ByteBuffer()
    /// Sum of the bytes in hiredis' buffer since its creation; a position in this stream is `streamEnd - len + offset`.
    private var streamEnd = 0
    /// Stream position and chunk index from which on stream and chunk run in parallel.
    private var chunkStream = 0
    private var chunkIndex = 0
    /// Bytes of a string over the limit that are still to be thrown away, with its line end.
    private var skipping = 0
    /// Strings skipped so far.
    package private(set) var skippedStrings = 0

    /// How much hiredis is fed at once. It moves the rest of its buffer forward after each kilobyte of replies, so
    /// little and often is faster than much at a time.
    private static let pieceSize = 4096

    package init(limits: RESPLimits = RESPLimits(), recognisesMessages: Bool = false) {
        self.limits = limits
        self.recognisesMessages = recognisesMessages
        self.reader = redisReaderCreateWithFunctions(RESPReaderFunctions.table)
        reader?.pointee.maxbuf = 1 << 20
        reader?.pointee.privdata = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit {
        if let reader { redisReaderFree(reader) }
    }

    /// Adds received bytes. Call ``next()`` until it returns nil before feeding more.
    package func feed(_ bytes: ByteBuffer) {
        if chunk.readableBytes == 0 {
            chunk = bytes
        } else {
            var rest = bytes
            chunk.writeBuffer(&rest)
        }
        chunkStream = streamEnd
        chunkIndex = chunk.readerIndex
    }

    /// The next complete reply, or nil when more bytes are needed. After an error every call throws it again.
    package func next() throws(RESPError) -> RESPReply? {
        if let failure { throw failure }
        guard let reader else { throw .outOfMemory }
        while true {
            var done: UnsafeMutableRawPointer?
            let status = redisReaderGetReply(reader, &done)
            if status != REDIS_OK { throw fail(failure ?? Self.error(of: reader)) }
            if done != nil { return takeReply() }
            if try checkAwaited(reader) { continue }
            guard feedPiece(reader) else { return nil }
        }
    }

    private func fail(_ error: RESPError) -> RESPError {
        failure = error
        items = []
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
            let skipped = min(skipping, chunk.readableBytes)
            chunk.moveReaderIndex(forwardBy: skipped)
            skipping -= skipped
            chunkStream = streamEnd
            chunkIndex = chunk.readerIndex
        }
        let readable = chunk.readableBytes
        guard readable > 0 else { return false }
        let count = min(readable, max(Self.pieceSize, missingBytes))
        let fed = chunk.withUnsafeReadableBytes { bytes in
            redisReaderFeed(reader, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), count)
        }
        guard fed == REDIS_OK else { return true }  // the next call for a reply reports the error
        chunk.moveReaderIndex(forwardBy: count)
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
        // Digits, their line end, the bytes, their line end. Anything but digits is hiredis' to refuse.
        guard unread >= digits + 2, let length = Int(String(decoding: header[..<digits], as: UTF8.self)), length >= 0
        else { return false }
        let present = unread - digits - 2
        if isOverLimit(length) {
            skippedStrings += 1
            replyIsTooLarge = true
            skipping = length > Int.max - 2 ? Int.max : length + 2 - present
            // hiredis sees a nil instead; the rest of the string never reaches it.
            streamEnd -= chiredis_replace_by_nil(reader)
            chunkStream = streamEnd
            chunkIndex = chunk.readerIndex
            return true
        }
        missingBytes = length + 2 - present
        return false
    }

    private func isOverLimit(_ length: Int) -> Bool {
        length > limits.maximumBulkLength || length > limits.maximumReplyBytes - replyBytes
    }

    // MARK: hiredis' object functions

    func addString(_ task: UnsafePointer<redisReadTask>, _ start: UnsafeMutablePointer<CChar>, _ count: Int)
        -> Bool
    {
        guard countItem() else { return false }
        let type = task.pointee.type
        guard type == REDIS_REPLY_STRING else {
            guard count <= limits.maximumLineLength else {
                return refuse(.lineTooLong(limit: limits.maximumLineLength))
            }
            let line = slice(start, count)
            items.append(type == REDIS_REPLY_ERROR ? .error(line) : .simple(line))
            return true
        }
        if isOverLimit(count) {
            skippedStrings += 1
            replyIsTooLarge = true
            items.append(.null)
        } else {
            replyBytes += count
            items.append(.bulk(slice(start, count)))
        }
        return true
    }

    func addArray(_ task: UnsafePointer<redisReadTask>, _ count: Int) -> Bool {
        guard countItem() else { return false }
        guard chiredis_depth(task) < limits.maximumDepth else { return refuse(.tooDeep(limit: limits.maximumDepth)) }
        // The outermost array is not counted, so this is the number of elements up to here.
        guard count <= limits.maximumElements - items.count else {
            return refuse(.tooManyElements(limit: limits.maximumElements))
        }
        items.append(.array(count))
        return true
    }

    func addInteger(_ value: Int64) -> Bool {
        guard countItem() else { return false }
        items.append(.integer(value))
        return true
    }

    func addNull() -> Bool {
        guard countItem() else { return false }
        items.append(.null)
        return true
    }

    private func countItem() -> Bool {
        guard items.count <= limits.maximumElements else {
            return refuse(.tooManyElements(limit: limits.maximumElements))
        }
        return true
    }

    private func refuse(_ error: RESPError) -> Bool {
        failure = error
        return false
    }

    /// A slice of the chunk when the string lies in it, else a copy out of hiredis' buffer.
    private func slice(_ start: UnsafeMutablePointer<CChar>, _ count: Int) -> ByteBuffer {
        if let reader, let buffer = reader.pointee.buf {
            let position = streamEnd - reader.pointee.len + (start - buffer)
            if position >= chunkStream,
                let slice = chunk.getSlice(at: chunkIndex + (position - chunkStream), length: count)
            {
                return slice
            }
        }
        return ByteBuffer(bytes: UnsafeRawBufferPointer(start: start, count: count))
    }

    // MARK: Replies

    private func takeReply() -> RESPReply {
        defer {
            items.removeAll(keepingCapacity: items.capacity <= 1024)
            replyBytes = 0
            replyIsTooLarge = false
        }
        if replyIsTooLarge { return .tooLarge }
        if recognisesMessages, let message = message() { return .message(message) }
        var index = 0
        return .value(value(at: &index))
    }

    private func message() -> RedisMessage? {
        switch items.count {
        case 4:
            guard case .array(3) = items[0], case .bulk(let kind) = items[1], case .bulk(let channel) = items[2],
                case .bulk(let payload) = items[3]
            else { return nil }
            if kind.is("message") { return RedisMessage(channel: channel, payload: payload) }
            if kind.is("smessage") { return RedisMessage(channel: channel, payload: payload, isSharded: true) }
            return nil
        case 5:
            guard case .array(4) = items[0], case .bulk(let kind) = items[1], case .bulk(let pattern) = items[2],
                case .bulk(let channel) = items[3], case .bulk(let payload) = items[4], kind.is("pmessage")
            else { return nil }
            return RedisMessage(channel: channel, pattern: pattern, payload: payload)
        default:
            return nil
        }
    }

    /// Depth is at most nine: hiredis itself refuses more.
    private func value(at index: inout Int) -> RESPValue {
        guard index < items.count else { return .null }
        let item = items[index]
        index += 1
        switch item {
        case .null: return .null
        case .integer(let value): return .integer(value)
        case .simple(let line): return .simple(String(buffer: line))
        case .error(let line): return .error(String(buffer: line))
        case .bulk(let bytes): return .bulk(bytes)
        case .array(let count):
            var elements: [RESPValue] = []
            elements.reserveCapacity(min(count, items.count - index))
            for _ in 0..<count { elements.append(value(at: &index)) }
            return .array(elements)
        }
    }
}

extension ByteBuffer {
    fileprivate func `is`(_ name: StaticString) -> Bool {
        withUnsafeReadableBytes { bytes in
            bytes.count == name.utf8CodeUnitCount
                && bytes.elementsEqual(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        }
    }
}
