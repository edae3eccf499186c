// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Foundation
internal import NIOCore
internal import ProcessTesting
internal import SocketIOCore
internal import Testing

/// Our parser and socket.io-parser, as Debian has it, on the same messages: the same packets, refused at the same place. Where
/// they differ on purpose, ``ParserDifference`` says why.
@Suite("The official parser", .enabled(if: OfficialParser.isInstalled))
struct OfficialParserTests {
    /// How many clients are made up; `DIFFERENTIAL_CASES` asks for another number.
    private static let count = ProcessInfo.processInfo.environment["DIFFERENTIAL_CASES"].flatMap(Int.init) ?? 12_000

    @Test func readsTheSamePackets() throws {
        let recorded = try OfficialParser.recorded()
        #expect(recorded.count > 150)
        let seed = ProcessInfo.processInfo.environment["DIFFERENTIAL_SEED"] ?? "packets"
        var generator = PacketGenerator(seed: seed, recorded: recorded)
        var cases = recorded
        for _ in 0..<Self.count { cases.append(generator.next()) }
        let theirs = try OfficialParser.read(cases)
        try #require(theirs.count == cases.count)

        var unexplained = 0
        var accepted = 0
        for (messages, their) in zip(cases, theirs) {
            let (our, error) = OurParser.read(messages)
            if our == their {
                if !our.hasPrefix("!") { accepted += 1 }
                continue
            }
            let difference = ParserDifference.Case(messages: messages, ours: our, theirs: their, error: error)
            if ParserDifference.all.contains(where: { $0.explains(difference) }) { continue }
            unexplained += 1
            if unexplained <= 10 { Issue.record("\(messages): \(our), \(error.map { "\($0), " } ?? "")there \(their)") }
        }
        #expect(unexplained == 0)
        // Most of them are packets, or nothing has been compared.
        #expect(accepted > cases.count / 4)
    }

    /// Each difference has an example, which still differs and which it alone explains.
    @Test func theDifferencesAreStillThere() throws {
        let theirs = try OfficialParser.read(ParserDifference.all.map(\.example))
        try #require(theirs.count == ParserDifference.all.count)
        for (difference, their) in zip(ParserDifference.all, theirs) {
            let (our, error) = OurParser.read(difference.example)
            let example = ParserDifference.Case(messages: difference.example, ours: our, theirs: their, error: error)
            #expect(our != their, "'\(difference.name)' is no difference any more: \(our)")
            let reasons = ParserDifference.all.filter { $0.explains(example) }.map(\.name)
            #expect(reasons == [difference.name], "\(our), \(their), \(String(describing: error))")
        }
    }
}

/// Ours, with its packets written as the script writes theirs.
private enum OurParser {
    static func read(_ messages: [PacketMessage]) -> (text: String, error: PacketDecodingError?) {
        var parser = DefaultParser()
        var packets: [String] = []
        for (index, message) in messages.enumerated() {
            do throws(PacketDecodingError) {
                let engine: EngineMessage =
                    switch message {
                    case .text(let text): .text(ByteBuffer(string: text))
                    case .binary(let bytes): .binary(ByteBuffer(bytes: bytes))
                    }
                if let packet = try parser.receive(engine) { packets.append(written(packet)) }
            } catch {
                packets.append("!\(index)")
                return (packets.joined(separator: "; "), error)
            }
        }
        return (packets.joined(separator: "; "), nil)
    }

    private static func written(_ packet: SocketPacket) -> String {
        let (type, data) =
            switch packet.body {
            case .connect(let text): (0, text.map(written) ?? "u")
            case .disconnect: (1, "u")
            case .event(let payload): (2, written(payload))
            case .ack(let payload): (3, written(payload))
            case .connectError(let text): (4, text.map(written) ?? "u")
            }
        let id = packet.id.map { written(.int(Int64($0))) } ?? "-"
        return "\(type) s\(hex(packet.nsp.utf8)) \(id) \(data)"
    }

    private static func written(_ payload: PacketPayload) -> String {
        "[" + (0..<payload.count).map { written(payload.value(at: $0)) }.joined(separator: ",") + "]"
    }

    private static func written(_ text: ByteBuffer) -> String {
        (try? RawJSON(text)).map { written($0.value) } ?? "no JSON"
    }

    private static func written(_ value: SocketValue) -> String {
        switch value {
        case .null: "0"
        case .bool(let value): value ? "t" : "f"
        case .int(let number): written(Double(number))
        case .double(let number): written(number)
        case .string(let text): "s" + hex(text.utf8)
        case .binary(let data): "b" + hex(data.bytes)
        case .array(let elements): "[" + elements.map(written).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { hex($0.key.utf8) + "=" + written($0.value) }.sorted().joined(separator: ",") + "}"
        }
    }

    private static func written(_ number: Double) -> String {
        let bits = String((number == 0 ? 0 : number).bitPattern, radix: 16)
        return "n" + String(repeating: "0", count: 16 - bits.count) + bits
    }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

/// Theirs, in a process of its own.
enum OfficialParser {
    private static let node = "/usr/bin/node"
    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

    static var isInstalled: Bool {
        FileManager.default.isExecutableFile(atPath: node)
            && FileManager.default.fileExists(atPath: "/usr/share/nodejs/socket.io-parser/package.json")
    }

    static func read(_ cases: [[PacketMessage]]) throws -> [String] {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("packets-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        let text = cases.map { $0.map(written).joined(separator: " ") + "\n" }.joined()
        try text.write(to: file, atomically: true, encoding: .utf8)
        let script = tests.appendingPathComponent("official-parser.js").path
        let (code, output) = try RunningProcess.run(node, [script, file.path])
        try #require(code == 0, "\(output.prefix(2000))")
        return output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    private static func written(_ message: PacketMessage) -> String {
        switch message {
        case .text(let text): "t" + Data(text.utf8).base64EncodedString()
        case .binary(let bytes): "b" + Data(bytes).base64EncodedString()
        }
    }

    /// All messages of the recorded vectors, those that were encoded included.
    static func recorded() throws -> [[PacketMessage]] {
        let file = tests.deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("SocketIOCoreTests/Vectors/socketio-packets.jsonl")
        var cases: [[PacketMessage]] = []
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            let vector = try JSONDecoder().decode(Vector.self, from: Data(line.utf8))
            switch vector.kind {
            case "sio-decode": cases.append((vector.input ?? []).compactMap(\.message))
            case "sio-encode": cases.append((vector.encoded ?? []).compactMap(\.message))
            default: break
            }
        }
        return cases.filter { !$0.isEmpty }
    }

    private struct Vector: Decodable {
        var kind: String
        var input: [Frame]?
        var encoded: [Frame]?
    }

    private struct Frame: Decodable {
        var message: PacketMessage?

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                message = .text(text)
            } else if let object = try? container.decode([String: String].self), let text = object["$bin"] {
                message = Data(base64Encoded: text).map { .binary(Array($0)) }
            }
        }
    }
}
