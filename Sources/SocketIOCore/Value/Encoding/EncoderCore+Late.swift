// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Writes that come after their place in the output has gone by.
///
/// `Encodable` allows it; hardly any type does it. The bytes are written at the end and then rotated to where they
/// belong, so the cost is linear in the size of the output.
extension EncoderCore {
    /// Writes a member or element of a container that is closed already.
    func writeLate(in container: Int, name: String?, _ body: (_ name: Name) throws -> Void) throws {
        try moveToPlace(Int(entries[container].end)) { try body(startMember(of: container, name: name)) }
    }

    /// Reserves a place for a value that `superEncoder` promises. It reads `{}` until it is used.
    func reserve(in container: Int, name: String?) -> Int {
        var entry = -1
        do {
            try write(in: container, name: name) { name in
                entry = addEntry(parent: container, name: name)
                entries[entry].kind = .object
                entries[entry].isReserved = true
                output.write(UInt8(ascii: "{"))
                entries[entry].end = Int32(truncatingIfNeeded: output.count)
                output.write(UInt8(ascii: "}"))
            }
        } catch {
            // Only values throw here, and there is none.
            fail(misuse("The place for a superclass could not be written.", container))
        }
        return entry
    }

    /// Makes a container out of a reserved place.
    func fill(_ entry: Int, with kind: Entry.Kind) {
        entries[entry].isReserved = false
        if Int(entries[entry].depth) > maximumDepth { fail(tooDeep(entry)) }
        let parent = Int(entries[entry].parent)
        if Int(entries[entry].end) == output.count - 1, open.count > openBase, open.last == parent {
            // Nothing was written since: go on as if it had just begun.
            output.truncate(to: output.count - 2)
            begin(kind, entry: entry)
        } else {
            entries[entry].kind = kind
            guard kind == .array else { return }
            output.set(UInt8(ascii: "["), at: Int(entries[entry].end) - 1)
            output.set(UInt8(ascii: "]"), at: Int(entries[entry].end))
        }
    }

    /// Replaces a reserved place by a single value.
    func fillReserved(_ entry: Int, _ body: () throws -> Void) throws {
        entries[entry].isReserved = false
        entries[entry].kind = .scalar
        let place = Int(entries[entry].end) - 1
        try moveToPlace(place, replacing: 2, body)
    }

    /// Runs `body`, which writes at the end, and moves what it wrote to `place`.
    private func moveToPlace(_ place: Int, replacing removed: Int = 0, _ body: () throws -> Void) throws {
        let tail = output.count
        let firstNew = entries.count
        let outerBase = openBase
        openBase = open.count
        do {
            try body()
        } catch {
            // Not worth undoing: the whole argument fails.
            fail(error as? EncodingError ?? misuse("\(error)", -1))
            throw error
        }
        closeContainers(above: openBase)
        openBase = outerBase
        namesAreValid = false

        let length = output.count - tail
        output.moveTail(from: tail, to: place, removing: removed)
        let back = Int32(truncatingIfNeeded: tail - place)
        let on = Int32(truncatingIfNeeded: length - removed)
        for index in entries.indices where !entries[index].isOpen {
            if index >= firstNew {
                entries[index].end -= back
            } else if Int(entries[index].end) >= place + removed {
                entries[index].end += on
            }
        }
    }
}
