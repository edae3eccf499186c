// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

extension EncoderCore {
    /// Writes an argument.
    @inline(__always)
    func write<T: Encodable>(_ value: T) throws {
        try write(value, parent: -1, name: .none)
    }

    /// Writes any value, the common ones without an `Encoder`.
    func write<T: Encodable>(_ value: T, parent: Int, name: Name) throws {
        // The casts are between identical types; `as!` would cost a dynamic cast each.
        if T.self == String.self {
            output.writeString(unsafeBitCast(value, to: String.self))
        } else if T.self == Int.self {
            output.writeInteger(unsafeBitCast(value, to: Int.self))
        } else if T.self == Double.self {
            output.writeDouble(unsafeBitCast(value, to: Double.self))
        } else if T.self == Bool.self {
            write(unsafeBitCast(value, to: Bool.self))
        } else if T.self == SocketValue.self {
            try write(unsafeBitCast(value, to: SocketValue.self), depth: depth(parent), parent: parent)
        } else if T.self == RawJSON.self {
            try write(unsafeBitCast(value, to: RawJSON.self), parent: parent)
        } else if T.self == SocketData.self {
            write(unsafeBitCast(value, to: SocketData.self).buffer)
        } else if T.self == ByteBuffer.self {
            write(unsafeBitCast(value, to: ByteBuffer.self))
        } else if T.self == [UInt8].self {
            write(ByteBuffer(bytes: unsafeBitCast(value, to: [UInt8].self)))
        } else if T.self == [String].self {
            try writeArray(unsafeBitCast(value, to: [String].self), parent) { output.writeString($0) }
        } else if T.self == [Int].self {
            try writeArray(unsafeBitCast(value, to: [Int].self), parent) { output.writeInteger($0) }
        } else if T.self == [Double].self {
            try writeArray(unsafeBitCast(value, to: [Double].self), parent) { output.writeDouble($0) }
        } else if T.self == [Bool].self {
            try writeArray(unsafeBitCast(value, to: [Bool].self), parent) { write($0) }
        } else if let representable = value as? any SocketRepresentable {
            try write(try representable.socketValue, depth: depth(parent), parent: parent)
        } else {
            try writeByEncoder(value, parent: parent, name: name)
        }
    }

    private func writeByEncoder<T: Encodable>(_ value: T, parent: Int, name: Name) throws {
        // Types that only wrap each other open no container; count them too, so that a cycle of them ends.
        if let fault = faults.first { throw fault }
        guard nesting <= 4 * maximumDepth else { throw tooDeep(parent) }
        nesting += 1
        let entry = addEntry(parent: parent, name: name)
        try value.encode(to: PayloadEncoder(core: self, entry: entry))
        nesting -= 1
        if let fault = faults.first { throw fault }
        if entries[entry].kind == .empty {
            // A type without anything to encode.
            begin(.object, entry: entry)
        }
        // Its containers stay open until something else is written: they may not be finished when a class encodes its
        // superclass through the same encoder.
    }

    private func depth(_ parent: Int) -> Int { parent < 0 ? baseDepth : Int(entries[parent].depth) }

    func write(_ value: Bool) {
        if value { output.write("true") } else { output.write("false") }
    }

    func writeNull() { output.write("null") }

    /// Writes binary data as a placeholder.
    func write(_ data: ByteBuffer) {
        Placeholders.write(attachments.count, to: &output)
        attachments.append(data)
    }

    private func writeArray<Element>(_ elements: [Element], _ parent: Int, _ body: (Element) -> Void) throws {
        guard depth(parent) < maximumDepth else { throw tooDeep(parent) }
        var separator = UInt8(ascii: "[")
        for element in elements {
            output.write(separator)
            body(element)
            separator = UInt8(ascii: ",")
        }
        if elements.isEmpty { output.write(separator) }
        output.write(UInt8(ascii: "]"))
    }

    /// Writes a dynamic value; `depth` containers are around it. The limit also bounds this recursion.
    func write(_ value: SocketValue, depth: Int, parent: Int) throws {
        switch value {
        case .binary(let data): write(data.buffer)
        case .array(let elements):
            guard depth < maximumDepth else { throw tooDeep(parent) }
            output.write(UInt8(ascii: "["))
            var isFirst = true
            for element in elements {
                if !isFirst { output.write(UInt8(ascii: ",")) }
                isFirst = false
                try write(element, depth: depth + 1, parent: parent)
            }
            output.write(UInt8(ascii: "]"))
        case .object(let members):
            guard depth < maximumDepth else { throw tooDeep(parent) }
            output.write(UInt8(ascii: "{"))
            var isFirst = true
            for member in members {
                if !isFirst { output.write(UInt8(ascii: ",")) }
                isFirst = false
                output.writeString(member.key)
                output.write(UInt8(ascii: ":"))
                try write(member.value, depth: depth + 1, parent: parent)
            }
            output.write(UInt8(ascii: "}"))
        default: output.writeScalar(value)
        }
    }

    /// Copies JSON text; its attachments are added and its placeholders numbered anew.
    func write(_ raw: RawJSON, parent: Int) throws {
        // An argument sits as deep as it did when it was validated; further in the limit has to be checked again.
        if parent >= 0 {
            do {
                try JSONScanner.validate(raw.text, maximumDepth: maximumDepth - depth(parent))
            } catch {
                throw tooDeep(parent)
            }
        }
        if raw.attachments.isEmpty {
            output.write(raw.text)
        } else {
            Placeholders.copy(raw.text, attachments: raw.attachments, to: &output) { attachment in
                attachments.append(attachment)
                return attachments.count - 1
            }
        }
    }

    // MARK: Errors

    func codingPath(of entry: Int) -> [any CodingKey] {
        var path: [any CodingKey] = []
        var index = entry
        while index >= 0 {
            let entry = entries[index]
            if entry.parent < 0 {
                path.append(PayloadKey(intValue: argument))
            } else if entry.name.length == 0 {
                path.append(PayloadKey(intValue: Int(entry.position)))
            } else if namesAreValid,
                let name = output.string(at: Int(entry.name.start), length: Int(entry.name.length))
            {
                path.append(PayloadKey(stringValue: String(name.dropFirst().dropLast())))
            }
            index = Int(entry.parent)
        }
        return path.reversed()
    }

    func tooDeep(_ entry: Int) -> EncodingError {
        misuse("More than \(maximumDepth) levels of nesting.", entry)
    }

    func misuse(_ text: String, _ entry: Int) -> EncodingError {
        .invalidValue(
            (), EncodingError.Context(codingPath: codingPath(of: entry), debugDescription: text))
    }
}
