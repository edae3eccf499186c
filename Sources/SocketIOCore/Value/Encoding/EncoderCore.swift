// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// What all encoders and containers of one writer share: the output and the containers that were begun.
///
/// Values are written straight into the output, in the order they come. A container closes by itself when one further
/// out goes on. What comes too late for that — a container used again after its parent went on, or `superEncoder()`
/// used late — is written at the end and then moved to its place: see `EncoderCore+Late.swift`.
final class EncoderCore {
    /// Where a member's name stands in the output, quotes included.
    struct Name {
        var start: Int32
        var length: Int32

        static let none = Name(start: 0, length: 0)

        init(start: Int, length: Int) {
            self.start = Int32(truncatingIfNeeded: start)
            self.length = Int32(truncatingIfNeeded: length)
        }
    }

    /// A place for a value. Offsets fit: no packet comes near 2 GiB.
    struct Entry {
        enum Kind: UInt8 {
            /// Nothing has been written yet.
            case empty
            case scalar
            case array
            case object
        }

        var kind = Kind.empty
        var isOpen = false
        /// A value that was reserved as `{}` and may still turn into anything.
        var isReserved = false
        var parent: Int32
        var depth: Int32
        /// Elements or members written so far.
        var count: Int32 = 0
        /// Closed containers: where the closing bracket stands in the output.
        var end: Int32 = 0
        /// The name in front of the value or, when that is empty, its position: for coding paths.
        var name: Name
        var position: Int32
    }

    // Run-time exclusivity checks would take a third of the time. Nothing depends on them: one task encodes one value,
    // and no access to these properties lasts across a call into the value's own code.
    @exclusivity(unchecked) var output: JSONOutput
    @exclusivity(unchecked) var attachments: [ByteBuffer] = []
    @exclusivity(unchecked) var entries: ContiguousArray<Entry> = []
    /// Open containers from the outside in.
    @exclusivity(unchecked) var open: ContiguousArray<Int> = []
    /// Containers of `open` below this belong to the time before a late write and stay as they are.
    @exclusivity(unchecked) var openBase = 0
    /// The first fault of calls that cannot throw, if any.
    @exclusivity(unchecked) var faults: [EncodingError] = []
    /// How many `encode(to:)` calls are active.
    @exclusivity(unchecked) var nesting = 0
    /// Whether names in `entries` still point at the right bytes.
    var namesAreValid = true
    /// Position of the argument being written.
    var argument = 0

    let maximumDepth: Int
    /// Containers around every value written here.
    let baseDepth: Int

    init(capacity: Int, maximumDepth: Int, depth: Int) {
        self.output = JSONOutput(capacity: capacity)
        self.maximumDepth = maximumDepth
        self.baseDepth = depth
    }

    // MARK: One argument

    struct Mark {
        var length: Int
        var attachments: Int
        var entries: Int
        var open: Int
        var nesting: Int
    }

    @inline(__always)
    func mark() -> Mark {
        Mark(
            length: output.count, attachments: attachments.count, entries: entries.count, open: open.count,
            nesting: nesting)
    }

    /// Takes back what was written since `mark`, provided that nothing which was open then has been closed.
    func restore(_ mark: Mark) {
        output.truncate(to: mark.length)
        attachments.removeSubrange(min(mark.attachments, attachments.count)...)
        entries.removeSubrange(min(mark.entries, entries.count)...)
        open.removeSubrange(min(mark.open, open.count)...)
        nesting = mark.nesting
    }

    /// Takes back a whole argument.
    func rollBack(to mark: Mark) {
        restore(mark)
        reset()
    }

    /// Closes what is open and reports faults of calls that could not throw.
    func finishValue() throws {
        closeContainers(above: 0)
        let fault = faults.first
        if !entries.isEmpty || fault != nil { reset() }
        if let fault { throw fault }
        argument += 1
    }

    private func reset() {
        entries.removeAll(keepingCapacity: true)
        open.removeAll(keepingCapacity: true)
        openBase = 0
        faults.removeAll()
        nesting = 0
        namesAreValid = true
    }

    // MARK: Containers

    /// Closes the open containers beyond the first `count`.
    @inline(__always)
    func closeContainers(above count: Int) {
        while open.count > count, let index = open.popLast() {
            entries[index].end = Int32(truncatingIfNeeded: output.count)
            entries[index].isOpen = false
            output.write(entries[index].kind == .object ? UInt8(ascii: "}") : UInt8(ascii: "]"))
        }
    }

    /// Closes everything inside an open container.
    @inline(__always)
    func closeContainers(inside container: Int) {
        while open.count > openBase, let last = open.last, last != container { closeContainers(above: open.count - 1) }
    }

    /// Begins a container at the present place.
    func begin(_ kind: Entry.Kind, entry: Int) {
        entries[entry].kind = kind
        entries[entry].isOpen = true
        let depth = Int(entries[entry].depth)
        if depth > maximumDepth { fail(tooDeep(entry)) }
        output.write(kind == .object ? UInt8(ascii: "{") : UInt8(ascii: "["))
        open.append(entry)
    }

    /// Makes a container out of a value's place; asking again for the same kind gives the same container.
    func container(_ kind: Entry.Kind, entry: Int) {
        switch entries[entry].kind {
        case .empty: begin(kind, entry: entry)
        case .object where entries[entry].isReserved: fill(entry, with: kind)
        case kind: break
        default: fail(misuse("A value has been encoded here as something else already.", entry))
        }
    }

    func fail(_ error: EncodingError) {
        if faults.isEmpty { faults.append(error) }
    }

    /// Adds the entry of a value that follows in `parent`, or at the outermost place for -1.
    @inline(__always)
    func addEntry(parent: Int, name: Name) -> Int {
        let outside = parent < 0 ? baseDepth : Int(entries[parent].depth)
        let position = parent < 0 ? 0 : entries[parent].count - 1
        entries.append(
            Entry(
                parent: Int32(truncatingIfNeeded: parent), depth: Int32(truncatingIfNeeded: outside + 1), name: name,
                position: position))
        return entries.count - 1
    }

    // MARK: Members and elements

    /// Writes a member or, without a name, an element of a container.
    @inline(__always)
    func write(in container: Int, name: String?, _ body: (_ name: Name) throws -> Void) throws {
        guard entries[container].isOpen else { return try writeLate(in: container, name: name, body) }
        closeContainers(inside: container)
        // A value whose fault is caught by the type around it must leave nothing behind.
        let mark = mark()
        let count = entries[container].count
        do {
            try body(startMember(of: container, name: name))
        } catch {
            restore(mark)
            entries[container].count = count
            throw error
        }
    }

    /// Writes what stands before a member's or element's value; returns where the name is.
    @inline(__always)
    func startMember(of container: Int, name: String?) -> Name {
        if entries[container].count > 0 { output.write(UInt8(ascii: ",")) }
        entries[container].count &+= 1
        guard let name else { return .none }
        let start = output.count
        output.writeString(name)
        let end = output.count
        output.write(UInt8(ascii: ":"))
        return Name(start: start, length: end - start)
    }
}
