// Part of socketio-server, MIT licence; see LICENSE.

/// What makes a payload recognisable: who sent it, its place in the sender's order, and when it was meant to leave.
///
/// The first 32 characters of every payload: 8 hexadecimal digits, 8, 16. The rest is filling which must come back unharmed.
struct MessageStamp: Equatable {
    static let length = 32

    var publisher: UInt32
    var sequence: UInt32
    var time: UInt64

    /// A payload of `size` characters that begins with a stamp of zeros.
    static func blank(size: Int) -> [UInt8] {
        let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        var result = [UInt8](repeating: UInt8(ascii: "0"), count: length)
        for index in 0..<max(0, size - length) { result.append(letters[index % letters.count]) }
        return result
    }

    /// Writes the 32 characters.
    func write(to target: UnsafeMutablePointer<UInt8>) {
        let bytes = UnsafeMutableRawPointer(target)
        Self.write(publisher, to: bytes)
        Self.write(sequence, to: bytes + 8)
        Self.write(UInt32(truncatingIfNeeded: time >> 32), to: bytes + 16)
        Self.write(UInt32(truncatingIfNeeded: time), to: bytes + 24)
    }

    /// Reads 32 characters; nil when one of them is no digit.
    static func read(_ source: UnsafePointer<UInt8>) -> MessageStamp? {
        let bytes = UnsafeRawPointer(source)
        guard let publisher = number(bytes), let sequence = number(bytes + 8), let high = number(bytes + 16),
            let low = number(bytes + 24)
        else { return nil }
        return MessageStamp(publisher: publisher, sequence: sequence, time: UInt64(high) << 32 | UInt64(low))
    }

    // MARK: Eight digits at a time, one in each byte of a word

    /// The same value in each byte.
    @inline(__always)
    private static func each(_ byte: UInt64) -> UInt64 { byte &* 0x0101_0101_0101_0101 }

    /// The characters of digits below 16.
    @inline(__always)
    private static func characters(_ digits: UInt64) -> UInt64 {
        let isLetter = (digits &+ each(6)) >> 4 & each(1)
        return digits &+ each(0x30) &+ isLetter &* 39
    }

    @inline(__always)
    private static func write(_ value: UInt32, to target: UnsafeMutableRawPointer) {
        var digits = UInt64(value)
        digits = (digits | digits << 16) & 0x0000_FFFF_0000_FFFF
        digits = (digits | digits << 8) & 0x00FF_00FF_00FF_00FF
        digits = (digits | digits << 4) & each(0x0F)
        target.storeBytes(of: characters(digits).bigEndian, as: UInt64.self)
    }

    @inline(__always)
    private static func number(_ source: UnsafeRawPointer) -> UInt32? {
        let text = UInt64(bigEndian: source.loadUnaligned(as: UInt64.self))
        var digits = (text & each(0x0F)) &+ (text >> 6 & each(1)) &* 9
        // No other text has the same digits and, of these, these characters.
        guard digits & each(0xF0) == 0, characters(digits) == text else { return nil }
        digits = (digits | digits >> 4) & 0x00FF_00FF_00FF_00FF
        digits = (digits | digits >> 8) & 0x0000_FFFF_0000_FFFF
        return UInt32(truncatingIfNeeded: digits | digits >> 16)
    }
}
