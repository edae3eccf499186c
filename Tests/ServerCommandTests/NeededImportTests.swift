// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Testing

/// Every file uses what it imports: at least one name that the module declares. The compiler says nothing of an import that is
/// left over, and a name that several modules have, such as `count`, passes here.
@Suite struct NeededImportTests {
    /// The names of modules of others that are imported for a few types.
    private static let others: [String: Set<String>] = [
        "NIOConcurrencyHelpers": ["NIOLock", "NIOLockedValueBox", "withLock", "withLockedValue"],
        // Every operation of an atomic value has an argument of this label.
        "Synchronization": ["Atomic", "AtomicLazyReference", "Mutex", "ordering", "withLock"],
        "Crypto": ["HMAC", "Insecure", "SHA256", "SHA256Digest", "SymmetricKey"],
        "HeapModule": ["Heap"], "DequeModule": ["Deque"],
    ]

    @Test func filesUseWhatTheyImport() throws {
        let sources = packageRoot.appendingPathComponent("Sources")
        var declared = Self.others
        var exports: [String: Set<String>] = [:]
        var files: [(name: String, imports: Set<String>, words: Set<Substring>)] = []
        for file in ImportRulesTests.swiftFiles(in: sources) {
            let name = String(file.path.dropFirst(sources.path.count + 1))
            let module = String(name.prefix { $0 != "/" }).replacingOccurrences(of: "-", with: "_")
            let text = try String(contentsOf: file, encoding: .utf8)
            let lines = Self.code(of: text)
            if file.lastPathComponent == "Exports.swift" {
                exports[module] = Set(ImportRulesTests.imports(of: text).map(\.module))
            } else {
                let imports = Set(ImportRulesTests.imports(of: text).map(\.module))
                files.append((name, imports, Set(lines.flatMap { Self.words(of: $0) })))
            }
            for line in lines { declared[module, default: []].formUnion(Self.names(declaredBy: line)) }
        }
        #expect(files.count > 400 && declared.count > 15)
        var count = 0
        for file in files {
            for module in file.imports {
                guard let names = Self.names(of: module, declared, exports) else { continue }
                count += 1
                let isUsed = file.words.contains { names.contains(String($0)) }
                #expect(isUsed, "\(file.name) uses nothing of \(module)")
            }
        }
        #expect(count > 500)
    }

    @Test func namesAreFound() {
        #expect(Self.words(of: "let a1 = _b.c(\"d\")") == ["let", "a1", "_b", "c", "d"])
        #expect(Self.names(declaredBy: "    package static func run<T>(_ x: T) {") == ["run"])
        #expect(Self.names(declaredBy: "    case first, second(Int)").isSuperset(of: ["first", "second"]))
        #expect(Self.names(declaredBy: "    return x").isEmpty)
        #expect(Self.code(of: "a // b\n    // c\nimport D\ninternal import E\nf").map(String.init) == ["a // b", "f"])
    }

    /// What an import of a module makes visible; nil for modules of others that are not listed.
    private static func names(
        of module: String, _ declared: [String: Set<String>], _ exports: [String: Set<String>]
    ) -> Set<String>? {
        guard var names = declared[module] else { return nil }
        for other in exports[module] ?? [] { names.formUnion(Self.names(of: other, declared, exports) ?? []) }
        return names
    }

    /// The lines that are neither imports nor comments.
    private static func code(of text: String) -> [Substring] {
        text.split(separator: "\n").filter { line in
            let start = line.drop { $0 == " " }
            return !start.hasPrefix("//") && !line.contains("import ")
        }
    }

    /// The names of a line, of which those behind `func` and the like are declared there, and any behind `case`.
    private static func names(declaredBy line: Substring) -> Set<String> {
        let words = words(of: line)
        if words.first == "case" || words.first == "indirect" { return Set(words.dropFirst().map(String.init)) }
        let keywords: Set<Substring> = [
            "func", "var", "let", "class", "struct", "enum", "protocol", "typealias", "associatedtype", "actor",
        ]
        return Set(zip(words, words.dropFirst()).filter { keywords.contains($0.0) }.map { String($0.1) })
    }

    /// Letters, digits and underscores in a row.
    private static func words(of line: Substring) -> [Substring] {
        line.utf8.split { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                false
            default: true
            }
        }.map { Substring($0) }
    }
}
