// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// The objects `{"_placeholder":true,"num":n}` that stand for binary attachments (protocol 3.1, 3.3).
enum Placeholders {
    enum Finding {
        /// Not a placeholder.
        case none
        /// A placeholder with the number it names; nil when that is not an integer.
        case number(Int?)
    }

    /// Whether the object at `index` is a placeholder: its member `_placeholder` is `true`, whatever else it holds.
    static func number(of index: Int, in core: PayloadCore) -> Finding {
        guard let mark = core.member("_placeholder", of: index), core.tape[mark].kind == .true else { return .none }
        guard let value = core.member("num", of: index) else { return .number(nil) }
        let node = core.tape[value]
        guard node.kind == .number else { return .number(nil) }
        return .number(JSONNumber.integer(core.tape.bytes(of: node), isPlain: node.flag, as: Int.self))
    }

    /// Checks that every placeholder names one of the attachments, and that they are within a size when each placeholder
    /// counts as the bytes of its attachment. Several placeholders may name the same attachment, and
    /// relaying the packet may write it out for each of them. Other members of a placeholder are ignored.
    static func validate(_ text: ByteBuffer, _ attachments: [ByteBuffer], maximumBytes: Int) throws(JSONError) {
        let core = PayloadCore(text, attachments: [], argument: nil, context: nil)
        var room = maximumBytes
        var index = 0
        while index < core.tape.nodes.count {
            guard case .number(let number) = number(of: index, in: core) else {
                index += 1
                continue
            }
            let node = core.tape[index]
            guard let number, number >= 0, number < attachments.count else {
                throw JSONError(.illegalAttachment, at: Int(node.offset))
            }
            guard attachments[number].readableBytes <= room else { throw JSONError(.tooLong, at: Int(node.offset)) }
            room -= attachments[number].readableBytes
            index = max(index + 1, Int(node.next))
        }
    }

    /// How many bytes the placeholders of a text may stand for where nothing else bounds them: each attachment once, and
    /// repetitions of as much again, or of 1 MiB if that is more. A short text may name a large attachment very often.
    static func mostBytes(_ attachments: [ByteBuffer]) -> Int {
        let once = attachments.reduce(0) { $0 + $1.readableBytes }
        return once + max(once, 1 << 20)
    }

    /// Copies JSON text and gives each placeholder the number that `renumber` returns for its attachment. What is not a
    /// placeholder is copied byte for byte.
    static func copy(
        _ text: ByteBuffer, attachments: [ByteBuffer], to output: inout JSONOutput,
        renumber: (ByteBuffer) -> Int
    ) {
        let core = PayloadCore(text, attachments: attachments, argument: nil, context: nil)
        var copied = 0
        var index = 0
        while index < core.tape.nodes.count {
            guard let attachment = core.attachment(at: index) else {
                index += 1
                continue
            }
            let node = core.tape[index]
            append(core, from: copied, to: Int(node.offset), output: &output)
            write(renumber(attachment), to: &output)
            copied = Int(node.offset) + Int(node.length)
            index = Int(node.next)
        }
        append(core, from: copied, to: core.tape.length, output: &output)
    }

    /// Writes a placeholder.
    static func write(_ number: Int, to output: inout JSONOutput) {
        output.write("{\"_placeholder\":true,\"num\":")
        output.writeInteger(number)
        output.write("}")
    }

    private static func append(_ core: PayloadCore, from start: Int, to end: Int, output: inout JSONOutput) {
        guard end > start else { return }
        output.write(UnsafeRawBufferPointer(start: core.tape.base + start, count: end - start))
    }
}
