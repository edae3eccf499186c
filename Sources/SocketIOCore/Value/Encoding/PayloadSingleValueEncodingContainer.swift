// Part of socketio-server, MIT licence; see LICENSE.

/// One value.
struct PayloadSingleValueEncodingContainer: SingleValueEncodingContainer {
    let core: EncoderCore
    let entry: Int

    var codingPath: [any CodingKey] { core.codingPath(of: entry) }

    /// Writes the value of this place, which may be written once.
    @inline(__always)
    func write(_ body: (_ parent: Int, _ name: EncoderCore.Name) throws -> Void) throws {
        let place = core.entries[entry]
        if place.kind == .empty {
            core.entries[entry].kind = .scalar
            let mark = core.mark()
            do {
                try body(Int(place.parent), place.name)
            } catch {
                core.restore(mark)
                core.entries[entry].kind = .empty
                throw error
            }
        } else if place.isReserved {
            try core.fillReserved(entry) { try body(Int(place.parent), place.name) }
        } else {
            throw core.misuse("A value has been encoded here already.", entry)
        }
    }

    @inline(__always)
    private func integer(_ value: some FixedWidthInteger) throws {
        try write { _, _ in core.output.writeInteger(value) }
    }

    func encodeNil() throws { try write { _, _ in core.writeNull() } }
    func encode(_ value: Bool) throws { try write { _, _ in core.write(value) } }
    func encode(_ value: String) throws { try write { _, _ in core.output.writeString(value) } }
    func encode(_ value: Double) throws { try write { _, _ in core.output.writeDouble(value) } }
    func encode(_ value: Float) throws { try write { _, _ in core.output.writeFloat(value) } }
    func encode(_ value: Int) throws { try integer(value) }
    func encode(_ value: Int8) throws { try integer(value) }
    func encode(_ value: Int16) throws { try integer(value) }
    func encode(_ value: Int32) throws { try integer(value) }
    func encode(_ value: Int64) throws { try integer(value) }
    func encode(_ value: Int128) throws { try integer(value) }
    func encode(_ value: UInt) throws { try integer(value) }
    func encode(_ value: UInt8) throws { try integer(value) }
    func encode(_ value: UInt16) throws { try integer(value) }
    func encode(_ value: UInt32) throws { try integer(value) }
    func encode(_ value: UInt64) throws { try integer(value) }
    func encode(_ value: UInt128) throws { try integer(value) }
    func encode<T: Encodable>(_ value: T) throws {
        try write { parent, name in try core.write(value, parent: parent, name: name) }
    }
}
