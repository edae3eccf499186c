// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import NIOCore
internal import Testing

@testable internal import SocketIOCore

/// A generator whose sequence is the same in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Compares verdicts and values with Foundation's parser on many damaged documents.
@Suite struct JSONMutationTests {
    static let seeds = [
        #"["chat message",{"user":"alice","text":"hello \u00e9 \"x\"","n":-12.5e-3,"ok":true,"no":null}]"#,
        #"[[1,2,[3,{"a":{}}]],{"k":[false,"é😀"],"":"\\"},0.001,1E+2]"#,
        #"{"a":"0123456789abcdefghij","b":["\t\n","\/",-0,10],"c":{"d":{"e":[[]]}}}"#,
        "\"a longer string, with words and – dashes – ünd ümläuts\"",
        "  [ 1 , 2.0 , 3e0 ]\n",
    ]

    private func isValid(_ bytes: [UInt8]) -> Bool {
        do {
            try JSONScanner.validate(ByteBuffer(bytes: bytes))
            return true
        } catch {
            return false
        }
    }

    /// Where Foundation differs from `JSON.parse` by design.
    private func isComparable(_ bytes: [UInt8]) -> Bool {
        // It guesses UTF-16 and UTF-32 from NULs and byte order marks in front.
        guard bytes.count >= 4, !bytes.prefix(4).contains(where: { $0 == 0 || $0 >= 0xEF }) else { return false }
        let text = String(decoding: bytes, as: UTF8.self).lowercased()
        // It refuses lone surrogates and numbers out of range, and accepts a comma before a closing bracket.
        let differing = #"\\ud|[0-9.]e[+-]?[0-9]{3,}|,\s*[\]}]"#
        return text.range(of: differing, options: .regularExpression) == nil
    }

    @Test func agreesWithFoundation() {
        var generator = SeededGenerator(seed: 20_260_725)
        let interesting =
            Array("{}[]\",:\\/0123456789-+.eEtfnuabr \n\t".utf8) + [0, 0x1F, 0x7F, 0x80, 0xC3, 0xED, 0xF0, 0xFF]
        var accepted = 0
        var refused = 0
        for round in 0..<40_000 {
            var bytes = Array(Self.seeds[round % Self.seeds.count].utf8)
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let position = Int.random(in: 0..<bytes.count, using: &generator)
                let byte = interesting.randomElement(using: &generator) ?? 0
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[position] = byte
                case 1: bytes.insert(byte, at: position)
                case 2: bytes.remove(at: position)
                default:
                    let other = Int.random(in: 0..<bytes.count, using: &generator)
                    bytes.swapAt(position, other)
                }
                if bytes.isEmpty { bytes = [0x30] }
            }
            guard isComparable(bytes) else { continue }
            let ours = isValid(bytes)
            let object = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            #expect(ours == (object != nil), "\(String(decoding: bytes, as: UTF8.self)) \(bytes)")
            if ours { accepted += 1 } else { refused += 1 }
            if ours, let object {
                let value = RawJSON(validated: ByteBuffer(bytes: bytes), attachments: []).value
                #expect(Self.same(value, object), "\(String(decoding: bytes, as: UTF8.self))")
            }
        }
        // Both branches must have been exercised.
        #expect(accepted > 3_000)
        #expect(refused > 10_000)
    }

    private static func same(_ value: SocketValue, _ object: Any) -> Bool {
        switch value {
        case .null: return object is NSNull
        case .bool(let bool): return object as? Bool == bool
        case .int(let integer): return (object as? NSNumber)?.int64Value == integer
        case .double(let double): return (object as? NSNumber)?.doubleValue == double
        case .string(let string): return object as? String == string
        case .binary: return false
        case .array(let elements):
            guard let others = object as? [Any], others.count == elements.count else { return false }
            return zip(elements, others).allSatisfy { same($0, $1) }
        case .object(let members):
            guard let others = object as? [String: Any], others.count == members.count else { return false }
            // Which of two members of one name counts is not fixed in Foundation.
            return members.allSatisfy { others[$0.key] != nil }
        }
    }

    /// Nothing that has been validated can upset the tape, the decoder or the writer, and written text is stable.
    @Test func validatedTextRoundTrips() throws {
        var generator = SeededGenerator(seed: 7)
        for round in 0..<2_000 {
            let value = Self.randomValue(depth: round % 6, &generator)
            var writer = ArgumentWriter()
            try writer.append(value)
            let encoded = writer.finish()
            let payload = try PacketPayload(text: encoded.json).attaching(encoded.attachments)
            let isSame = payload.value(at: 0) == value  // kept short: the values are long
            #expect(isSame, "round \(round)")
            let isDecoded = try payload.decode(SocketValue.self, at: 0) == value
            #expect(isDecoded, "round \(round)")
            var again = ArgumentWriter()
            try again.append(payload, at: 0)
            #expect(again.finish() == encoded)
        }
    }

    private static func randomValue(depth: Int, _ generator: inout SeededGenerator) -> SocketValue {
        switch Int.random(in: 0..<(depth > 0 ? 9 : 7), using: &generator) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &generator))
        case 2: return .int(Int64.random(in: Int64.min...Int64.max, using: &generator))
        case 3: return .int(Int64.random(in: -1_000...1_000, using: &generator))
        case 4:
            let double = Double(bitPattern: generator.next())
            // Integral numbers beyond 2^53 print with zeros for the digits that do not count, and read as that integer.
            let range = 9_007_199_254_740_992.0...9.3e18
            return double.isFinite && !range.contains(double.magnitude) ? .double(double) : .double(0.5)
        case 5: return .string(randomString(&generator))
        case 6: return .binary(SocketData((0..<Int.random(in: 0..<20, using: &generator)).map { UInt8($0) }))
        case 7:
            return .array(
                (0..<Int.random(in: 0..<6, using: &generator)).map { _ in randomValue(depth: depth - 1, &generator) })
        default:
            var object = SocketObject()
            for _ in 0..<Int.random(in: 0..<24, using: &generator) {
                object[randomString(&generator)] = randomValue(depth: depth - 1, &generator)
            }
            return .object(object)
        }
    }

    private static func randomString(_ generator: inout SeededGenerator) -> String {
        let scalars: [Unicode.Scalar] = [
            "a", "z", "\"", "\\", "/", "\u{0}", "\u{1f}", "\n", "\u{7f}", "é", "\u{2028}", "世", "😀",
        ]
        var text = ""
        for _ in 0..<Int.random(in: 0..<24, using: &generator) {
            text.unicodeScalars.append(scalars.randomElement(using: &generator) ?? "x")
        }
        return text
    }
}
