// Part of socketio-server, MIT licence; see LICENSE.

/// A position in JSON text that only moves over valid input.
///
/// Every read is checked against `count` by hand; arithmetic uses wrapping operators because offsets stay far below
/// the range of `Int`.
struct JSONCursor {
    let base: UnsafeRawPointer
    let count: Int
    /// Most bytes between the quotes of an object's key.
    let maximumKeyLength: Int
    var index = 0

    init(base: UnsafeRawPointer, count: Int, maximumKeyLength: Int = .max) {
        self.base = base
        self.count = count
        self.maximumKeyLength = maximumKeyLength
    }

    /// The byte at `index`, or 0 at the end: 0 is never valid where this is asked.
    var current: UInt8 {
        @inline(__always) get { index < count ? base.load(fromByteOffset: index, as: UInt8.self) : 0 }
    }

    @inline(__always)
    func byte(_ offset: Int) -> UInt8 { base.load(fromByteOffset: offset, as: UInt8.self) }

    @inline(__always)
    func unexpected() -> JSONError { JSONError(index < count ? .unexpectedByte : .unexpectedEnd, at: index) }

    @inline(__always)
    mutating func skipWhitespace() {
        while index < count {
            let byte = byte(index)
            if byte > 0x20 { return }
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            index &+= 1
        }
    }

    /// Moves past one value. The ranges of the elements of an outermost array are added to `elements`.
    mutating func skipValue(maximumDepth: Int, elements: inout ElementRanges) throws(JSONError) {
        var kinds: UInt128 = 0  // one bit per open container, the innermost lowest: 1 = object
        var depth = 0
        var elementStart = -1
        while true {
            // A value starts at `index`.
            if depth == 1 && kinds == 0 { elementStart = index }
            let byte = current
            switch byte {
            case UInt8(ascii: "\""):
                index &+= 1
                try skipString()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard depth < maximumDepth else { throw JSONError(.tooDeep, at: index) }
                let isObject = byte == UInt8(ascii: "{")
                depth &+= 1
                kinds = kinds &<< 1 | (isObject ? 1 : 0)
                index &+= 1
                skipWhitespace()
                if current == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    index &+= 1
                    depth &-= 1
                    kinds = kinds &>> 1
                    break
                }
                if isObject { try skipKey() }
                continue
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                try skipNumber()
            case UInt8(ascii: "t"):
                try skipLiteral("true")
            case UInt8(ascii: "f"):
                try skipLiteral("false")
            case UInt8(ascii: "n"):
                try skipLiteral("null")
            default:
                throw unexpected()
            }
            // A value has ended at `index`.
            closing: while true {
                if depth == 0 { return }
                if depth == 1 && elementStart >= 0 {
                    elements.append(start: elementStart, end: index)
                    elementStart = -1
                }
                skipWhitespace()
                let isObject = kinds & 1 == 1
                switch current {
                case UInt8(ascii: ","):
                    index &+= 1
                    skipWhitespace()
                    if isObject { try skipKey() }
                    break closing
                case UInt8(ascii: "}") where isObject, UInt8(ascii: "]") where !isObject:
                    index &+= 1
                    depth &-= 1
                    kinds = kinds &>> 1
                default:
                    throw unexpected()
                }
            }
        }
    }

    /// Moves past a member's name, the colon and white space around it.
    @inline(__always)
    private mutating func skipKey() throws(JSONError) {
        guard current == UInt8(ascii: "\"") else { throw unexpected() }
        index &+= 1
        let start = index
        try skipString()
        guard index &- start &- 1 <= maximumKeyLength else { throw JSONError(.keyTooLong, at: start) }
        skipWhitespace()
        guard current == UInt8(ascii: ":") else { throw unexpected() }
        index &+= 1
        skipWhitespace()
    }

    private mutating func skipLiteral(_ text: StaticString) throws(JSONError) {
        for offset in 0..<text.utf8CodeUnitCount {
            guard current == text.utf8Start[offset] else { throw unexpected() }
            index &+= 1
        }
    }

    private mutating func skipNumber() throws(JSONError) {
        if current == UInt8(ascii: "-") { index &+= 1 }
        if current == UInt8(ascii: "0") {
            index &+= 1
            if isDigit(current) { throw JSONError(.invalidNumber, at: index) }
        } else {
            try skipDigits()
        }
        if current == UInt8(ascii: ".") {
            index &+= 1
            try skipDigits()
        }
        if current | 0x20 == UInt8(ascii: "e") {
            index &+= 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { index &+= 1 }
            try skipDigits()
        }
    }

    @inline(__always)
    private mutating func skipDigits() throws(JSONError) {
        let start = index
        while isDigit(current) { index &+= 1 }
        guard index > start else { throw JSONError(index < count ? .invalidNumber : .unexpectedEnd, at: index) }
    }

    @inline(__always)
    private func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
}
