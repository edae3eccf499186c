// Part of socketio-server, MIT licence; see LICENSE.

/// Compares and splits texts by their UTF-8 bytes.
///
/// `String` compares by canonical equivalence: `caf\u{e9}` equals `cafe\u{301}`, and a run of combining marks costs the
/// square of its length. Neither is acceptable for text from the network, so all code of this package that examines
/// such text uses these functions, the `utf8` view, or ``ExactName``. Each takes time linear in the number of bytes.
extension String {
    /// Whether both texts are the same bytes.
    @inlinable
    @inline(__always)
    package func hasSameBytes(as other: String) -> Bool {
        #if _pointerBitWidth(_64)
            // Equal short texts, and texts that share their memory, have the same two words, so no bytes have to be
            // read.
            let (mine, theirs) = (
                unsafeBitCast(self, to: (UInt64, UInt64).self), unsafeBitCast(other, to: (UInt64, UInt64).self)
            )
            if mine.0 == theirs.0, mine.1 == theirs.1 { return true }
        #endif
        return hasSameBytesInMemory(as: other)
    }

    /// The same, byte by byte. A call of its own, so that the two words are compared where they are.
    @usableFromInline
    func hasSameBytesInMemory(as other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        let isEqual = utf8.withContiguousStorageIfAvailable { mine in
            other.utf8.withContiguousStorageIfAvailable { theirs in
                UnsafeRawBufferPointer(mine).hasSameBytes(as: UnsafeRawBufferPointer(theirs))
            }
        }
        if let isEqual, let isEqual { return isEqual }
        return utf8.elementsEqual(other.utf8)
    }

    /// Whether the bytes come before those of another text.
    @inlinable
    package func precedesByBytes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }

    /// The text with the letters A to Z in lower case, and everything else unchanged.
    package var asciiLowercased: String {
        guard utf8.contains(where: { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 }) else { return self }
        return String(
            decoding: utf8.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    /// The longest prefix of whole Unicode scalars that has at most this many bytes.
    package func prefix(maximumBytes: Int) -> String {
        guard utf8.count > maximumBytes else { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: max(0, maximumBytes))
        // Step back from the middle of a scalar to its first byte.
        while end > utf8.startIndex, utf8[end] & 0xC0 == 0x80 { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}

extension StringProtocol {
    /// Whether the text begins with the bytes of another one.
    package func beginsWithBytes(of prefix: String) -> Bool {
        utf8.starts(with: prefix.utf8)
    }

    /// Whether the text contains this byte, which must be ASCII.
    package func contains(byte: UInt8) -> Bool { utf8.contains(byte) }

    /// Whether both texts are the same when ASCII letters are compared without case.
    package func equalsIgnoringASCIICase(_ other: some StringProtocol) -> Bool {
        func lowered(_ byte: UInt8) -> UInt8 {
            UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
        }
        return utf8.elementsEqual(other.utf8) { lowered($0) == lowered($1) }
    }
}

extension StringProtocol where SubSequence == Substring {
    /// The parts between the bytes `separator`, which must be ASCII.
    package func split(
        byte separator: UInt8, maxSplits: Int = .max, omittingEmptySubsequences: Bool = true
    ) -> [Substring] {
        var parts: [Substring] = []
        var start = startIndex
        let bytes = utf8
        func add(to end: Index) {
            if start < end || !omittingEmptySubsequences { parts.append(self[start..<end]) }
        }
        while parts.count < maxSplits, let end = bytes[start...].firstIndex(of: separator) {
            add(to: end)
            start = bytes.index(after: end)
        }
        add(to: endIndex)
        return parts
    }

    /// The text without spaces and tabs at its ends.
    package var trimmingBlanks: Substring {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        let all = self[startIndex...]
        guard let first = all.utf8.firstIndex(where: { !isBlank($0) }),
            let last = all.utf8.lastIndex(where: { !isBlank($0) })
        else { return self[startIndex..<startIndex] }
        return all[first..<all.utf8.index(after: last)]
    }
}

extension Sequence<String> {
    /// The texts in the order of their bytes.
    package func sortedByBytes() -> [String] { sorted { $0.precedesByBytes($1) } }

    /// Whether one of the texts is the same bytes as this one.
    package func hasBytes(of text: String) -> Bool { contains { $0.hasSameBytes(as: text) } }
}

extension RawRepresentable where Self: CaseIterable, RawValue == String {
    /// The case with these bytes as its value; nil when there is none. `init(rawValue:)` compares as `String` does.
    package init?(bytesOf text: String) {
        guard let match = Self.allCases.first(where: { $0.rawValue.hasSameBytes(as: text) }) else { return nil }
        self = match
    }
}

extension UnsafeRawBufferPointer {
    /// Whether both hold the same bytes. Eight are compared at once.
    @inlinable
    @inline(__always)
    package func hasSameBytes(as other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        var index = 0
        while count &- index >= 8 {
            guard
                loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    == other.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            else { return false }
            index &+= 8
        }
        while index < count {
            if self[index] != other[index] { return false }
            index &+= 1
        }
        return true
    }
}
