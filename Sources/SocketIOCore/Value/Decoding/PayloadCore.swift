// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// What all decoders and containers of one decoding share.
final class PayloadCore {
    /// Not checked for exclusive access at run time, which would cost more than searching: no access lasts across a call
    /// into the code of a decoded type.
    @exclusivity(unchecked) private(set) var tape: ValueTape
    let attachments: [ByteBuffer]
    /// Position of the value among the arguments, first element of every coding path.
    let argument: Int?
    /// Handed to types that decode themselves from their surroundings, such as acknowledgements.
    let context: AnyObject?
    /// How many more nodes may be passed over to find coding paths. A type that tries several forms for each of 100,000
    /// elements and catches the errors would otherwise cost the square of that.
    @exclusivity(unchecked) var pathBudget = 100_000
    /// The position of an object with names that must not be compared as strings, see ``StringKeys``; decoding it
    /// fails.
    @exclusivity(unchecked) var refusedNames: Int?
    /// Names of members by object, for objects too large to search; made when first needed.
    @exclusivity(unchecked) private var indexes: [Int: [ExactName: Int]] = [:]

    /// Objects with more members than this are searched through an index.
    private static let largestSearched = 16

    init(_ text: ByteBuffer, attachments: [ByteBuffer], argument: Int?, context: AnyObject?) {
        self.tape = ValueTape(text)
        self.attachments = attachments
        self.argument = argument
        self.context = context
    }

    /// The value of a member: as in JavaScript the last one when a name occurs twice.
    func member(_ name: String, of object: Int) -> Int? {
        let node = tape[object]
        guard node.kind == .object, node.count > 0 else { return nil }
        if node.count > Self.largestSearched { return largeMember(name, of: object) }
        var name = name
        return name.withUTF8 { utf8 in
            let wanted = UnsafeRawBufferPointer(utf8)
            if node.flag { return lastMember(wanted, of: object) }
            // Members are mostly asked for in the order they were written.
            let end = Int(node.next)
            let hint = Int(node.hint)
            var index = hint
            repeat {
                let key = tape[index]
                if key.length == wanted.count, tape.bytes(of: key).hasSameBytes(as: wanted) {
                    if index != hint { tape.setHint(index, of: object) }
                    return index + 1
                }
                index = Int(tape[index + 1].next)
                if index >= end { index = object + 1 }
            } while index != hint
            return nil
        }
    }

    /// Searches an object in which names may repeat or be escaped.
    private func lastMember(_ wanted: UnsafeRawBufferPointer, of object: Int) -> Int? {
        var found: Int?
        forEachMember(of: object) { key, value in
            let node = tape[key]
            if node.flag {
                if tape.string(node).utf8.elementsEqual(wanted) { found = value }
            } else if tape.bytes(of: node).hasSameBytes(as: wanted) {
                found = value
            }
        }
        return found
    }

    private func largeMember(_ name: String, of object: Int) -> Int? {
        if let index = indexes[object] { return index[ExactName(name)] }
        var index: [ExactName: Int] = [:]
        index.reserveCapacity(Int(tape[object].count))
        forEachMember(of: object) { key, value in index[ExactName(tape.string(tape[key]))] = value }
        indexes[object] = index
        return index[ExactName(name)]
    }

    /// Visits the members of an object in order: indices of the name and of the value.
    @inline(__always)
    func forEachMember(of object: Int, _ body: (_ key: Int, _ value: Int) throws -> Void) rethrows {
        let end = Int(tape[object].next)
        var key = object + 1
        while key < end {
            try body(key, key + 1)
            key = Int(tape[key + 1].next)
        }
    }

    /// The attachment a placeholder object stands for; nil for everything else.
    func attachment(at index: Int) -> ByteBuffer? {
        guard !attachments.isEmpty, tape[index].kind == .object,
            case .number(let number) = Placeholders.number(of: index, in: self),
            let number, number >= 0, number < attachments.count
        else { return nil }
        return attachments[number]
    }
}
