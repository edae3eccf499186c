// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Testing

/// Every decoder under the inputs that fuzzing has kept, and under small changes of them.
///
/// What libFuzzer does for minutes (`make fuzz`) cannot be done for each change; its corpus reaches most of the code in a second.
@Suite("Fuzz corpus")
struct CorpusTests {
    static let names = FuzzTarget.all.map(\.name)

    /// `Tests/Fuzz` of the sources these tests were built from.
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fuzz")

    @Test(arguments: names)
    func everyInputHoldsTheRules(name: String) throws {
        let target = try #require(FuzzTarget.named(name))
        let corpus = try Self.inputs("Corpus", name)
        #expect(corpus.count >= 5, "the corpus of a target is never empty")
        for (file, bytes) in corpus + (try Self.inputs("Crashes", name)) {
            Self.run(target, bytes, file: file, triesEveryCut: bytes.count <= 160)
        }
    }

    /// The same seed in every run: a failing change can be repeated.
    @Test(arguments: names)
    func changedInputsHoldTheRules(name: String) throws {
        let target = try #require(FuzzTarget.named(name))
        let corpus = try Self.inputs("Corpus", name).filter { $0.bytes.count <= 600 }
        var random = FuzzRandom(name.utf8)
        for round in 0..<400 {
            var bytes = corpus[random.below(corpus.count)].bytes
            let other = corpus[random.below(corpus.count)].bytes
            for _ in 0...random.below(4) { Self.change(&bytes, other, &random) }
            Self.run(target, bytes, file: "round \(round)", triesEveryCut: false)
        }
    }

    @Test func everyFolderHasATarget() throws {
        for kind in ["Corpus", "Crashes"] {
            let path = Self.folder.appendingPathComponent(kind).path
            let folders = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0 != "README.md" }
            #expect(Set(folders).subtracting(Self.names).isEmpty)
            if kind == "Corpus" { #expect(folders.count == Self.names.count) }
        }
        #expect(Set(Self.names).count == FuzzTarget.all.count)
    }

    private static func run(_ target: FuzzTarget, _ bytes: [UInt8], file: String, triesEveryCut: Bool) {
        do {
            try target.run(FuzzInput(bytes, triesEveryCut: triesEveryCut))
        } catch {
            Issue.record("\(target.name) \(file) \(String(decoding: bytes, as: UTF8.self).debugDescription): \(error)")
        }
    }

    private static func inputs(_ kind: String, _ name: String) throws -> [(file: String, bytes: [UInt8])] {
        let folder = folder.appendingPathComponent(kind).appendingPathComponent(name)
        guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map { file in
            (file, Array(try Data(contentsOf: folder.appendingPathComponent(file))))
        }
    }

    /// Bytes that mean something to one decoder or another.
    private static let interesting =
        Array("{}[]\",:\\/0123456789-+.eEtfnuabr\r\n\t ;=&%?*$#_".utf8)
        + [0, 0x1E, 0x1F, 0x7F, 0x80, 0x81, 0xC1, 0xC3, 0xCC, 0xD9, 0xDC, 0xED, 0xF0, 0xFF]

    private static func change(_ bytes: inout [UInt8], _ other: [UInt8], _ random: inout FuzzRandom) {
        let position = random.below(bytes.count + 1)
        let byte = interesting[random.below(interesting.count)]
        switch random.below(6) {
        case 0: bytes.insert(byte, at: position)
        case 1 where position < bytes.count: bytes.remove(at: position)
        case 2 where position < bytes.count: bytes[position] = byte
        case 3 where position < bytes.count: bytes[position] ^= 1 << UInt8(random.below(8))
        case 4: bytes.removeSubrange(position..<min(bytes.count, position + random.below(12)))
        default:
            let start = random.below(other.count + 1)
            bytes.insert(contentsOf: other[start..<min(other.count, start + random.below(40))], at: position)
        }
    }
}
