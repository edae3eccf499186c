// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import SocketIOCore

extension FuzzTarget {
    /// JSON text: check, tape, values, types, and the way to MessagePack and back.
    static let json = FuzzTarget(name: "json", maximumLength: 4096) { input in
        let text = input.buffer
        let isValid = (try? JSONScanner.validate(text)) != nil
        let elements = try? JSONScanner.splitArray(text)
        guard isValid else { return try require(elements == nil, "an array is split that is no JSON") }
        let lead = text.readableBytesView.first { !$0.isBlank }
        let isArray = lead == UInt8(ascii: "[")
        try require((elements != nil) == isArray, "whether valid JSON is an array is doubtful")
        let shallow = (try? JSONScanner.validate(text, maximumDepth: 3)) != nil

        let raw = try RawJSON(text)
        let value = raw.value
        try require(Decoding.depth(value) <= JSONScanner.maximumDepth, "a value is nested too deeply")
        try require(!shallow || Decoding.depth(value) <= 3, "a limit of 3 lets \(Decoding.depth(value)) levels pass")
        if let elements { try check(elements, of: text, value) }
        Decoding.tryEverything(raw)

        let written = try RawJSON(encoding: value)
        try require((try? JSONScanner.validate(written.text)) != nil, "what was written is no JSON: \(written)")
        try require(Decoding.areSame(written.value, value), "written and read again: \(written) instead of \(value)")
        let again = try RawJSON(encoding: written.value)
        try require(again.text == written.text, "written once more: \(again) instead of \(written)")

        var writer = MessagePackWriter()
        try writer.write(json: text, attachments: [])
        var reader = MessagePackReader(writer.finish())
        let back = try MessagePackJSON.read(&reader)
        try reader.finish()
        let other = try RawJSON(back.json).value
        try require(Decoding.areSame(other, value), "through MessagePack: \(other) instead of \(value)")
    }

    private static func check(_ elements: ElementRanges, of text: ByteBuffer, _ value: SocketValue) throws {
        try require(value.array?.count == elements.count, "\(elements.count) elements in \(value)")
        for index in 0..<elements.count {
            let range = elements[index]
            guard let slice = text.getSlice(at: text.readerIndex + range.lowerBound, length: range.count),
                let element = (try? RawJSON(slice))?.value
            else { throw FuzzFinding("element \(index) is no JSON: \(range)") }
            try require(Decoding.areSame(element, value[index] ?? .null), "element \(index) is \(element)")
        }
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool { self == 0x20 || self == 0x0A || self == 0x0D || self == 0x09 }
}

/// What applications do with values.
enum Decoding {
    /// Asks for many types. None of them may trap, whatever the text is.
    static func tryEverything(_ raw: RawJSON) {
        try0(raw, Int.self)
        try0(raw, UInt8.self)
        try0(raw, UInt64.self)
        try0(raw, Double.self)
        try0(raw, Float.self)
        try0(raw, Bool.self)
        try0(raw, String.self)
        try0(raw, SocketData.self)
        try0(raw, [SocketValue].self)
        try0(raw, [String].self)
        try0(raw, [Int8?].self)
        try0(raw, [UInt8].self)
        try0(raw, [String: RawJSON].self)
        try0(raw, [Int: Double].self)
        try0(raw, Probe.self)
        try0(raw, [Probe].self)
        _ = raw.value.description
    }

    private static func try0<Value: Decodable>(_ raw: RawJSON, _ type: Value.Type) { _ = try? raw.decode(type) }

    /// Equal, or as much the same as JSON can say: a number that it cannot write is null; one beyond 2^53 that came with a fraction
    /// is written without one, and read again as an integer, which is the same number for JavaScript.
    static func areSame(_ one: SocketValue, _ other: SocketValue) -> Bool {
        switch (one, other) {
        case (.double(let number), .null), (.null, .double(let number)): !number.isFinite
        case (.double(let number), .int(let integer)), (.int(let integer), .double(let number)):
            Double(integer) == number
        case (.array(let left), .array(let right)):
            left.count == right.count && zip(left, right).allSatisfy { areSame($0, $1) }
        case (.object(let left), .object(let right)):
            left.count == right.count
                && zip(left, right).allSatisfy { $0.key.hasSameBytes(as: $1.key) && areSame($0.value, $1.value) }
        default: one == other
        }
    }

    /// How deeply arrays and objects are nested.
    static func depth(_ value: SocketValue) -> Int {
        switch value {
        case .array(let elements): 1 + (elements.map(depth).max() ?? 0)
        case .object(let members): 1 + (members.map { depth($0.value) }.max() ?? 0)
        default: 0
        }
    }

    private struct Probe: Codable {
        enum Choice: String, Codable {
            case a, b
        }

        struct Inner: Codable {
            var x: Double
            var y: Double?
        }

        var a: Int?
        var b: String?
        var c: [Inner]?
        var d: [String: Inner]?
        var e: Choice?
        var f: SocketData?
        var g: RawJSON?
        var h: Bool?
        var i: UInt8?
    }
}
