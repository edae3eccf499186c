// Part of socketio-server, MIT licence; see LICENSE.

/// The query of a request target as a dictionary, the last value winning (spec 1.4).
enum QueryString {
    static func parse(target: String) -> [String: String] {
        guard let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) else { return [:] }
        var end = target.utf8.endIndex
        if let hash = target.utf8[mark...].firstIndex(of: UInt8(ascii: "#")) { end = hash }
        var result: [String: String] = [:]
        let query = target.utf8[target.utf8.index(after: mark)..<end]
        for pair in query.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: true) {
            let equals = pair.firstIndex(of: UInt8(ascii: "="))
            let name = decode(pair[..<(equals ?? pair.endIndex)])
            let value = equals.map { decode(pair[pair.index(after: $0)...]) } ?? ""
            result[name] = value
        }
        return result
    }

    /// Percent-decoding as browsers do it: `+` is a space, a broken escape stays as it is.
    private static func decode(_ bytes: Substring.UTF8View) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index != bytes.endIndex {
            let byte = bytes[index]
            bytes.formIndex(after: &index)
            if byte == UInt8(ascii: "+") {
                out.append(UInt8(ascii: " "))
            } else if byte == UInt8(ascii: "%"), let (value, next) = hexPair(bytes, at: index) {
                out.append(value)
                index = next
            } else {
                out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func hexPair(
        _ bytes: Substring.UTF8View, at index: Substring.UTF8View.Index
    ) -> (UInt8, Substring.UTF8View.Index)? {
        guard index != bytes.endIndex, let high = hexDigit(bytes[index]) else { return nil }
        let second = bytes.index(after: index)
        guard second != bytes.endIndex, let low = hexDigit(bytes[second]) else { return nil }
        return (high << 4 | low, bytes.index(after: second))
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
