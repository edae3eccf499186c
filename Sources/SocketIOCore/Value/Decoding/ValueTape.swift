// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// One value, or the name of a member, in a `ValueTape`.
struct TapeNode {
    enum Kind: UInt8 {
        case null
        case `false`
        case `true`
        case number
        case string
        case array
        case object
    }

    let kind: Kind
    /// Strings: there are escapes. Numbers: only digits and a sign. Objects: two names may be equal.
    var flag = false
    /// Where the text starts; for strings after the quote.
    let offset: UInt32
    /// Length of the text; for strings without the quotes.
    var length: UInt32 = 0
    /// Index of the node after this value and everything in it.
    var next: UInt32 = 0
    /// Elements of an array, members of an object.
    var count: UInt32 = 0
    /// Objects: the name that was found last, where the next search starts.
    var hint: UInt32 = 0
}

/// JSON text taken apart into a flat list, each container followed by its content.
///
///     {"a":[1,2]}   →   object(next 5) · "a" · array(next 5) · 1 · 2
///
/// The text has been validated; reads are bounded all the same, so that a mistake elsewhere could not become a bad
/// access. Building does not recurse.
struct ValueTape {
    private(set) var nodes: ContiguousArray<TapeNode> = []
    let text: ByteBuffer
    /// Start of `text`. It stays valid as long as `text` is held, because nobody changes a buffer that is shared.
    let base: UnsafeRawPointer
    let length: Int

    init(_ text: ByteBuffer) {
        self.text = text
        let bytes = text.withUnsafeReadableBytes { $0 }
        self.base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 8).unsafelyUnwrapped
        self.length = bytes.count
        nodes.reserveCapacity(length / 6 + 4)
        build()
    }

    subscript(index: Int) -> TapeNode {
        @inline(__always) get { nodes[index] }
    }

    /// Remembers where the last member was found.
    mutating func setHint(_ member: Int, of object: Int) {
        nodes[object].hint = UInt32(truncatingIfNeeded: member)
    }

    /// The bytes of a node: the whole text of a number or container, the inside of a string.
    @inline(__always)
    func bytes(of node: TapeNode) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base + Int(node.offset), count: Int(node.length))
    }

    /// The value of a string node.
    func string(_ node: TapeNode) -> String {
        JSONString.make(bytes(of: node), hasEscapes: node.flag)
    }

    /// The text of a value as a slice of the whole, quotes included.
    func slice(_ node: TapeNode) -> ByteBuffer {
        let quote = node.kind == .string ? 1 : 0
        let start = text.readerIndex + Int(node.offset) - quote
        return text.getSlice(at: start, length: Int(node.length) + 2 * quote) ?? ByteBuffer()
    }

    private mutating func build() {
        var index = 0
        var parent = -1
        var parentIsObject = false
        var expectsName = false
        var names: UInt64 = 0  // one bit per hash of a name in the open object
        while index < length {
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            switch byte {
            case 0x20, 0x0A, 0x0D, 0x09, UInt8(ascii: ":"):
                index &+= 1
                continue
            case UInt8(ascii: ","):
                index &+= 1
                expectsName = parentIsObject
                continue
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                index &+= 1
                guard parent >= 0 else { return }
                let closed = parent
                parent = Int(nodes[closed].hint) &- 1
                nodes[closed].length = UInt32(truncatingIfNeeded: index) &- nodes[closed].offset
                nodes[closed].next = UInt32(truncatingIfNeeded: nodes.count)
                nodes[closed].hint = UInt32(truncatingIfNeeded: closed &+ 1)
                parentIsObject = false
                if parent >= 0, nodes[parent].kind == .object {
                    parentIsObject = true
                    names = UInt64(nodes[parent].next) << 32 | UInt64(nodes[parent].length)
                }
                continue
            default: break
            }
            let node = nodes.count
            if parent >= 0, !expectsName { nodes[parent].count &+= 1 }
            switch byte {
            case UInt8(ascii: "\""):
                appendString(&index)
                if expectsName {
                    expectsName = false
                    let bit = Self.nameBit(bytes(of: nodes[node]))
                    if names & bit != 0 || nodes[node].flag { nodes[parent].flag = true }
                    names |= bit
                }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                if parentIsObject {
                    // An open object's own fields are free until it closes.
                    nodes[parent].next = UInt32(truncatingIfNeeded: names >> 32)
                    nodes[parent].length = UInt32(truncatingIfNeeded: names)
                }
                parentIsObject = byte == UInt8(ascii: "{")
                nodes.append(
                    TapeNode(
                        kind: parentIsObject ? .object : .array, offset: UInt32(truncatingIfNeeded: index),
                        hint: UInt32(truncatingIfNeeded: parent &+ 1)))
                parent = node
                expectsName = parentIsObject
                names = 0
                index &+= 1
            case UInt8(ascii: "t"):
                append(.true, length: 4, &index)
            case UInt8(ascii: "f"):
                append(.false, length: 5, &index)
            case UInt8(ascii: "n"):
                append(.null, length: 4, &index)
            default:
                appendNumber(&index)
            }
        }
    }

    @inline(__always)
    private mutating func append(_ kind: TapeNode.Kind, flag: Bool = false, length: Int, _ index: inout Int) {
        nodes.append(
            TapeNode(
                kind: kind, flag: flag, offset: UInt32(truncatingIfNeeded: index),
                length: UInt32(truncatingIfNeeded: length), next: UInt32(truncatingIfNeeded: nodes.count &+ 1)))
        index &+= length
    }

    @inline(__always)
    private mutating func appendNumber(_ index: inout Int) {
        var end = index &+ 1
        var isPlain = true
        while end < length {
            let byte = base.load(fromByteOffset: end, as: UInt8.self)
            if byte &- UInt8(ascii: "0") >= 10 {
                // Everything else that a number may hold; all of it lies outside the separators.
                let letter = byte | 0x20
                guard
                    byte == UInt8(ascii: ".") || letter == UInt8(ascii: "e") || byte == UInt8(ascii: "-")
                        || byte == UInt8(ascii: "+")
                else { break }
                isPlain = false
            }
            end &+= 1
        }
        append(.number, flag: isPlain, length: end &- index, &index)
    }

    @inline(__always)
    private mutating func appendString(_ index: inout Int) {
        var end = index &+ 1
        var hasEscapes = false
        let all = UnsafeRawBufferPointer(start: base, count: length)
        while true {
            end = JSONText.firstEscape(all, from: end)
            guard end < length, all[end] == UInt8(ascii: "\\") else { break }
            hasEscapes = true
            end = Swift.min(end &+ 2, length)
        }
        index &+= 1
        append(.string, flag: hasEscapes, length: end &- index, &index)
        index &+= 1
    }

    private static func nameBit(_ name: UnsafeRawBufferPointer) -> UInt64 {
        guard let first = name.first, let last = name.last else { return 1 }
        let middle = name[name.count / 2]
        let hash = UInt64(first) &* 31 &+ UInt64(last) &* 7 &+ UInt64(middle) &* 131 &+ UInt64(name.count)
        return 1 &<< (hash & 63)
    }
}
