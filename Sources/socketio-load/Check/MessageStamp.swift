// Part of socketio-server, MIT licence; see LICENSE.

/// What makes a payload recognisable: who sent it, its place in the sender's order, and when it was meant to leave.
///
/// The first 32 characters of every payload: 8 hexadecimal digits, 8, 16. The rest is filling which must come back unharmed.
struct MessageStamp: Equatable {
    static let length = 32

    var publisher: UInt32
    var sequence: UInt32
    var time: UInt64

    private static let digits: [UInt8] = Array("0123456789abcdef".utf8)

    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 0xFF, count: 256)
        for (value, digit) in digits.enumerated() { table[Int(digit)] = UInt8(value) }
        return table
    }()

    /// A payload of `size` characters that begins with a stamp of zeros.
    static func blank(size: Int) -> [UInt8] {
        let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        var result = [UInt8](repeating: UInt8(ascii: "0"), count: length)
        for index in 0..<max(0, size - length) { result.append(letters[index % letters.count]) }
        return result
    }

    /// Writes the 32 characters.
    func write(to target: UnsafeMutablePointer<UInt8>) {
        Self.digits.withUnsafeBufferPointer { digits in
            Self.write(UInt64(publisher), count: 8, to: target, digits)
            Self.write(UInt64(sequence), count: 8, to: target + 8, digits)
            Self.write(time, count: 16, to: target + 16, digits)
        }
    }

    /// Reads 32 characters; nil when one of them is no digit.
    static func read(_ source: UnsafePointer<UInt8>) -> MessageStamp? {
        values.withUnsafeBufferPointer { values in
            guard let publisher = read(source, count: 8, values), let sequence = read(source + 8, count: 8, values),
                let time = read(source + 16, count: 16, values)
            else { return nil }
            return MessageStamp(
                publisher: UInt32(truncatingIfNeeded: publisher), sequence: UInt32(truncatingIfNeeded: sequence),
                time: time)
        }
    }

    @inline(__always)
    private static func write(
        _ value: UInt64, count: Int, to target: UnsafeMutablePointer<UInt8>, _ digits: UnsafeBufferPointer<UInt8>
    ) {
        var rest = value
        for index in stride(from: count - 1, through: 0, by: -1) {
            target[index] = digits[Int(truncatingIfNeeded: rest & 15)]
            rest >>= 4
        }
    }

    @inline(__always)
    private static func read(
        _ source: UnsafePointer<UInt8>, count: Int, _ values: UnsafeBufferPointer<UInt8>
    ) -> UInt64? {
        var result: UInt64 = 0
        var seen: UInt8 = 0
        for index in 0..<count {
            let value = values[Int(source[index])]
            seen |= value
            result = result << 4 | UInt64(value & 15)
        }
        return seen > 15 ? nil : result
    }
}
