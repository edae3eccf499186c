// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// The data of an EVENT or ACK: a JSON array kept as the text it arrived in, with its attachments.
///
/// The text is checked completely when the payload is made and split into elements; nothing is decoded before somebody
/// asks for it, and what is only passed on never is.
package struct PacketPayload: Sendable, Equatable {
    /// The text of the array, `[` to `]`.
    package let text: ByteBuffer
    /// Where the elements lie, relative to the start of `text`.
    package let elements: ElementRanges
    /// The binary attachments that placeholders in `text` refer to.
    package var attachments: [ByteBuffer] { parts ?? [] }
    /// Nil rather than empty: payloads are handed along often, and counting the references of an empty array costs as much
    /// as of any other.
    private let parts: [ByteBuffer]?

    /// An empty array.
    package static let empty = PacketPayload(
        unchecked: ByteBuffer(staticString: "[]"), elements: ElementRanges(), attachments: [])

    /// Checks and splits `text`. Placeholders are not looked at: there are no attachments yet.
    package init(text: ByteBuffer, maximumDepth: Int = JSONScanner.maximumDepth) throws(JSONError) {
        self.elements = try JSONScanner.splitArray(text, maximumDepth: maximumDepth)
        self.text = text
        self.parts = nil
    }

    /// A text that has been checked and split.
    init(checked text: consuming ByteBuffer, elements: ElementRanges) {
        self.text = text
        self.elements = elements
        self.parts = nil
    }

    /// The payload that a receiver of `arguments` would have.
    package init(_ arguments: EncodedArguments) throws(JSONError) {
        let payload = try PacketPayload(text: arguments.json)
        self = try payload.attaching(arguments.attachments)
    }

    private init(unchecked text: ByteBuffer, elements: ElementRanges, attachments: [ByteBuffer]) {
        self.text = text
        self.elements = elements
        self.parts = attachments.isEmpty ? nil : attachments
    }

    /// The same payload once its attachments have arrived. Every placeholder must name one of them. Each placeholder
    /// counts as the bytes of its attachment, and the total with the text must not exceed `maximumBytes`; without a value
    /// the placeholders must not exceed ``Placeholders/mostBytes(_:)``.
    package func attaching(
        _ attachments: [ByteBuffer], maximumBytes: Int? = nil
    ) throws(JSONError) -> PacketPayload {
        if !attachments.isEmpty {
            let most = maximumBytes.map { $0 - text.readableBytes } ?? Placeholders.mostBytes(attachments)
            try Placeholders.validate(text, attachments, maximumBytes: most)
        }
        return PacketPayload(unchecked: text, elements: elements, attachments: attachments)
    }

    /// Whether there are binary attachments.
    package var hasAttachments: Bool { parts != nil }

    /// Bytes of the text and of all attachments.
    package var byteCount: Int { attachments.reduce(text.readableBytes) { $0 + $1.readableBytes } }

    /// How many elements the array has, the event name included.
    package var count: Int { elements.count }

    /// The first byte of an element, which tells its kind: `"`, `{`, `[`, `t`, `f`, `n`, `-` or a digit. Nil when there
    /// is no such element.
    package func leadingByte(at index: Int) -> UInt8? {
        guard index >= 0, index < elements.count else { return nil }
        return text.getInteger(at: text.readerIndex + elements[index].lowerBound)
    }

    /// The event name: the first element when it is a string, or a number, which JavaScript turns into a string.
    package var eventName: String? {
        guard let lead = leadingByte(at: 0) else { return nil }
        let range = elements[0]
        return text.withUnsafeReadableBytes { bytes in
            let element = UnsafeRawBufferPointer(rebasing: bytes[range])
            switch lead {
            case UInt8(ascii: "\""):
                return JSONString.make(quoted: element)
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                return JSONText.scalar(.double(JSONNumber.double(element)))
            default:
                return nil
            }
        }
    }

    /// Hands the bytes of the event name to `body`, when they are the name as it is: not for numbers, nor with escapes.
    package func withPlainName(_ body: (UnsafeRawBufferPointer) -> Void) {
        guard elements.count > 0 else { return }
        let range = elements[0]
        text.withUnsafeReadableBytes { bytes in
            guard range.count >= 2, bytes[range.lowerBound] == UInt8(ascii: "\"") else { return }
            let name = UnsafeRawBufferPointer(rebasing: bytes[range.lowerBound + 1..<range.upperBound - 1])
            if !name.contains(UInt8(ascii: "\\")) { body(name) }
        }
    }

    /// The text of an element; empty when there is no such element.
    package func raw(at index: Int) -> ByteBufferView {
        slice(at: index)?.readableBytesView ?? ByteBufferView()
    }

    /// Hands the text of the elements from `start` on to `body`: what stands between the brackets of an array of them. False,
    /// with nothing done, when there are attachments, whose placeholders would have to be numbered anew.
    package func withTail(from start: Int, _ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
        guard !hasAttachments, start >= 0 else { return false }
        let range = tailRange(from: start)
        text.withUnsafeReadableBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
        return true
    }

    /// The elements from `start` on as an array of their own, in memory of its own behind `headroom` bytes that are not
    /// readable; what stands between the elements stays as it is. Nil when there are attachments, whose placeholders
    /// would have to be numbered anew.
    package func tail(from start: Int, headroom: Int) -> ByteBuffer? {
        guard !hasAttachments, start >= 0 else { return nil }
        let range = tailRange(from: start)
        let length = headroom + range.count + 2
        var array = ByteBufferAllocator().buffer(capacity: length)
        // One access for all of it: each costs as much as copying a short text.
        array.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { output in
            let front = UnsafeMutableRawBufferPointer(rebasing: output[..<headroom])
            _ = front.initializeMemory(as: UInt8.self, repeating: 0)
            output[headroom] = UInt8(ascii: "[")
            text.withUnsafeReadableBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: output[(headroom + 1)...])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[range]))
            }
            output[length - 1] = UInt8(ascii: "]")
            return length
        }
        array.moveReaderIndex(forwardBy: headroom)
        return array
    }

    private func tailRange(from start: Int) -> Range<Int> {
        start < count ? elements[start].lowerBound..<elements[count - 1].upperBound : 0..<0
    }

    /// The text of an element, sharing the payload's memory.
    package func slice(at index: Int) -> ByteBuffer? {
        guard index >= 0, index < elements.count else { return nil }
        let range = elements[index]
        return text.getSlice(at: text.readerIndex + range.lowerBound, length: range.count)
    }
}

extension JSONScanner {
    /// Checks one JSON text.
    package static func validate(
        _ text: ByteBuffer, maximumDepth: Int = JSONScanner.maximumDepth, maximumKeyLength: Int = .max
    ) throws(JSONError) {
        // Not every NIO release lets typed errors through its closures.
        let result = text.withUnsafeReadableBytes { bytes in
            Result { () throws(JSONError) in
                try validate(bytes, maximumDepth: maximumDepth, maximumKeyLength: maximumKeyLength)
            }
        }
        try result.get()
    }

    /// Checks one JSON text, which must be an array, and notes where its elements lie.
    package static func splitArray(
        _ text: ByteBuffer, maximumDepth: Int = JSONScanner.maximumDepth, maximumKeyLength: Int = .max
    ) throws(JSONError) -> ElementRanges {
        let result = text.withUnsafeReadableBytes { bytes in
            Result { () throws(JSONError) in
                try splitArray(bytes, maximumDepth: maximumDepth, maximumKeyLength: maximumKeyLength)
            }
        }
        return try result.get()
    }
}
