// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Packets without attachments that are written straight to where they leave from: no encoder, no buffer and no copy. Byte
/// for byte they are what `event` and `ack` make of the same arguments.
///
/// First a bound of the length is asked for; nil means that the packet has to be made in the general way.
extension DefaultEncoder {
    /// The most bytes `writeAck` writes for elements of an array that was received, see ``PacketPayload/withTail(from:_:)``.
    package static func ackBound(nsp: String, relaying elements: UnsafeRawBufferPointer) -> Int {
        PacketPrefix.bound(nsp: nsp) + 2 + elements.count
    }

    /// Writes the acknowledgement that passes on these elements as they are.
    package static func writeAck(
        nsp: String, id: Int, relaying elements: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) -> Int {
        let start = PacketPrefix.write(.ack, nsp: nsp, id: id, into: output)
        let end = start + 1 + elements.count
        output[start] = UInt8(ascii: "[")
        UnsafeMutableRawBufferPointer(rebasing: output[(start + 1)..<end]).copyMemory(from: elements)
        output[end] = UInt8(ascii: "]")
        return end + 1
    }

    /// The most bytes `writeAck` writes for these values; nil when one of them takes an encoder.
    package static func ackBound<each Value>(nsp: String, _ values: repeat each Value) -> Int? {
        guard let bound = PlainValue.bound(repeat each values) else { return nil }
        return PacketPrefix.bound(nsp: nsp) + 2 + bound
    }

    /// Writes the acknowledgement with these values.
    package static func writeAck<each Value>(
        nsp: String, id: Int, _ values: repeat each Value, into output: UnsafeMutableRawBufferPointer
    ) -> Int {
        let prefix = PacketPrefix.write(.ack, nsp: nsp, id: id, into: output)
        guard let memory = output.baseAddress else { return 0 }
        var json = JSONOutput(into: memory + prefix, capacity: output.count - prefix)
        PlainValue.writeElements(repeat each values, to: &json, separator: UInt8(ascii: "["))
        if json.count == 0 { json.write(UInt8(ascii: "[")) }
        json.write(UInt8(ascii: "]"))
        return prefix + json.count
    }

    /// The most bytes `writeEvent` writes; nil when a value takes an encoder.
    package static func eventBound<each Value>(nsp: String, event: String, _ values: repeat each Value) -> Int? {
        guard let name = PlainValue.bound(event), let bound = PlainValue.bound(repeat each values) else { return nil }
        return PacketPrefix.bound(nsp: nsp) + 2 + name + bound
    }

    /// Writes the event with these values.
    package static func writeEvent<each Value>(
        nsp: String, event: String, _ values: repeat each Value, into output: UnsafeMutableRawBufferPointer
    ) -> Int {
        let prefix = PacketPrefix.write(.event, nsp: nsp, id: nil, into: output)
        guard let memory = output.baseAddress else { return 0 }
        var json = JSONOutput(into: memory + prefix, capacity: output.count - prefix)
        json.write(UInt8(ascii: "["))
        json.writeString(event)
        PlainValue.writeElements(repeat each values, to: &json, separator: UInt8(ascii: ","))
        json.write(UInt8(ascii: "]"))
        return prefix + json.count
    }
}

/// Values that become JSON without an encoder.
enum PlainValue {
    /// Escapes may make a string six times as long; for longer ones the room would be out of proportion.
    private static let longestString = 2000

    /// The most bytes these values have as elements of an array; nil when one is not plain.
    static func bound<each Value>(_ values: repeat each Value) -> Int? {
        var total = 0
        for value in repeat each values {
            guard let bound = bound(of: value) else { return nil }
            total += bound + 1
        }
        return total
    }

    private static func bound<Value>(of value: Value) -> Int? {
        if Value.self == String.self { return stringBound(unsafeBitCast(value, to: String.self)) }
        if Value.self == Int.self || Value.self == Double.self || Value.self == Bool.self { return longestScalar }
        if Value.self == RawJSON.self { return rawBound(unsafeBitCast(value, to: RawJSON.self)) }
        if Value.self == String?.self {
            return unsafeBitCast(value, to: String?.self).map { stringBound($0) } ?? longestScalar
        }
        if Value.self == Int?.self || Value.self == Double?.self || Value.self == Bool?.self { return longestScalar }
        if Value.self == RawJSON?.self {
            return unsafeBitCast(value, to: RawJSON?.self).map { rawBound($0) } ?? longestScalar
        }
        return nil
    }

    /// A decimal integer has at most 20 bytes, a double at most 25.
    private static let longestScalar = 32

    private static func stringBound(_ string: String) -> Int? {
        let count = string.utf8.count
        return count <= longestString ? 6 * count + 2 : nil
    }

    private static func rawBound(_ raw: RawJSON) -> Int? { raw.hasAttachments ? nil : raw.text.readableBytes }

    /// Writes these values, for which there is a bound, with `separator` before the first and commas before the others.
    static func writeElements<each Value>(
        _ values: repeat each Value, to output: inout JSONOutput, separator: UInt8
    ) {
        var separator = separator
        for value in repeat each values {
            output.write(separator)
            write(value, to: &output)
            separator = UInt8(ascii: ",")
        }
    }

    private static func write<Value>(_ value: Value, to output: inout JSONOutput) {
        if Value.self == String.self {
            output.writeString(unsafeBitCast(value, to: String.self))
        } else if Value.self == Int.self {
            output.writeInteger(unsafeBitCast(value, to: Int.self))
        } else if Value.self == Double.self {
            output.writeDouble(unsafeBitCast(value, to: Double.self))
        } else if Value.self == Bool.self {
            output.write(unsafeBitCast(value, to: Bool.self) ? "true" : "false")
        } else if Value.self == RawJSON.self {
            output.write(unsafeBitCast(value, to: RawJSON.self).text)
        } else if Value.self == String?.self {
            write(optional: unsafeBitCast(value, to: String?.self), to: &output)
        } else if Value.self == Int?.self {
            write(optional: unsafeBitCast(value, to: Int?.self), to: &output)
        } else if Value.self == Double?.self {
            write(optional: unsafeBitCast(value, to: Double?.self), to: &output)
        } else if Value.self == Bool?.self {
            write(optional: unsafeBitCast(value, to: Bool?.self), to: &output)
        } else if Value.self == RawJSON?.self {
            write(optional: unsafeBitCast(value, to: RawJSON?.self), to: &output)
        }
    }

    private static func write<Value>(optional: Value?, to output: inout JSONOutput) {
        if let value = optional { write(value, to: &output) } else { output.write("null") }
    }
}
