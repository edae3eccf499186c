// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

extension JSONCursor {
    /// Finds the first byte, at `index` or later, that needs a look: a quote, a backslash, a control character or the
    /// start of a multi-byte sequence. Eight bytes are tested at once.
    @inline(__always)
    private mutating func skipPlainBytes() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        while count &- index >= 8 {
            let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            // A borrow can only set false marks above a true one; the lowest mark is exact.
            let marks =
                (word
                    | ((word &- ones &* 0x20) & ~word)
                    | ((quote &- ones) & ~quote)
                    | ((backslash &- ones) & ~backslash)) & highs
            if marks != 0 {
                index &+= marks.trailingZeroBitCount &>> 3
                return
            }
            index &+= 8
        }
        while index < count {
            let byte = byte(index)
            if byte < 0x20 || byte == 0x22 || byte == 0x5C || byte >= 0x80 { return }
            index &+= 1
        }
    }

    /// Moves from after the opening quote to after the closing one.
    @inline(__always)
    mutating func skipString() throws(JSONError) {
        while true {
            skipPlainBytes()
            guard index < count else { throw JSONError(.unexpectedEnd, at: index) }
            let byte = byte(index)
            if byte == 0x22 {
                index &+= 1
                return
            }
            if byte >= 0x80 {
                try skipMultiByteSequences()
            } else if byte == 0x5C {
                try skipEscape()
            } else {
                throw JSONError(.controlCharacter, at: index)
            }
        }
    }

    private mutating func skipEscape() throws(JSONError) {
        let start = index
        guard count &- index >= 2 else { throw JSONError(.unexpectedEnd, at: count) }
        switch byte(index &+ 1) {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            index &+= 2
        case UInt8(ascii: "u"):
            guard count &- index >= 6 else { throw JSONError(.unexpectedEnd, at: count) }
            for offset in 2..<6 where JSONString.hexValue(byte(index &+ offset)) == nil {
                throw JSONError(.invalidEscape, at: start)
            }
            index &+= 6
        default:
            throw JSONError(.invalidEscape, at: start)
        }
    }

    /// Moves past well-formed UTF-8 sequences (Unicode, table 3-7) up to the next ASCII byte.
    private mutating func skipMultiByteSequences() throws(JSONError) {
        while index < count {
            while count &- index >= 8,
                UTF8Validator.isFourPairs(
                    UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index, as: UInt64.self)))
            {
                index &+= 8
            }
            guard index < count else { return }
            let lead = byte(index)
            if lead < 0x80 { return }
            let length: Int
            var lowest: UInt8 = 0x80
            var highest: UInt8 = 0xBF
            switch lead {
            case 0xC2...0xDF: length = 2
            case 0xE0: (length, lowest) = (3, 0xA0)
            case 0xED: (length, highest) = (3, 0x9F)
            case 0xE1...0xEF: length = 3
            case 0xF0: (length, lowest) = (4, 0x90)
            case 0xF1...0xF3: length = 4
            case 0xF4: (length, highest) = (4, 0x8F)
            default: throw JSONError(.invalidUTF8, at: index)
            }
            guard count &- index >= length else { throw JSONError(.invalidUTF8, at: index) }
            let second = byte(index &+ 1)
            guard second >= lowest, second <= highest else { throw JSONError(.invalidUTF8, at: index) }
            var offset = 2
            while offset < length {
                guard byte(index &+ offset) & 0xC0 == 0x80 else { throw JSONError(.invalidUTF8, at: index) }
                offset &+= 1
            }
            index &+= length
        }
    }
}
