// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import SocketIOServer
internal import Testing

@testable internal import socketio_server

/// The JSON schema of the settings file.
@Suite struct SettingsSchemaTests {
    private static let schema = try? RawJSON(SettingsSchema.text).value

    @Test func theFileIsWhatTheCommandPrints() throws {
        #expect(try shipped("config/settings.schema.json") == SettingsSchema.text + "\n", "run make docs")
    }

    private static func place(_ key: String) -> SocketValue? {
        key.split(separator: ".").reduce(schema) { $0?["properties"]?[String($1)] }
    }

    @Test func everySettingHasItsPlace() throws {
        for setting in SettingTable.all {
            let place = try #require(Self.place(setting.key), "\(setting.key)")
            #expect(place["default"] != nil && place["description"]?.string?.isEmpty == false, "\(setting.key)")
            if case .number(let range) = setting.kind {
                #expect(place["minimum"] == .int(Int64(range.lowerBound)), "\(setting.key)")
                #expect(place["maximum"] == .int(Int64(range.upperBound)), "\(setting.key)")
            }
        }
        #expect(
            Self.schema?["additionalProperties"] == false && Self.schema?["properties"]?["tls"]?["properties"] != nil)
        #expect(Self.place("tls")?["additionalProperties"] == false)
    }

    /// What a checker would do, for the parts of the language that the schema uses.
    private static func fits(_ value: YAMLTree, _ schema: SocketValue) -> Bool {
        if let options = schema["anyOf"]?.array { return options.contains { fits(value, $0) } }
        if let words = schema["enum"]?.array {
            return words.contains { $0.string == value.text || $0.bool.map { "\($0)" } == value.text }
        }
        let types = (schema["type"]?.array ?? [schema["type"] ?? .null]).compactMap(\.string)
        if value.value == nil || value.value is NSNull { return types.contains("null") }
        if types.contains("object"), !value.keys.isEmpty {
            return value.keys.allSatisfy { key in
                schema["properties"]?[key].map { fits(value[key], $0) } ?? false
            }
        }
        if types.contains("array"), value.value is [Any] {
            return value.items.allSatisfy { fits($0, schema["items"] ?? .null) }
        }
        if types.contains("integer"), let number = value.number {
            return number >= schema["minimum"]?.int ?? .min && number <= schema["maximum"]?.int ?? .max
        }
        if types.contains("boolean"), value.flag != nil { return true }
        return types.contains("string") && value.text != nil
    }

    @Test(arguments: ["config/default.yaml", "config/production.yaml", "config/cluster.yaml"])
    func shippedFilesFit(path: String) throws {
        let schema = try #require(Self.schema)
        let file = try YAMLTree.file(path)
        for key in file.keys {
            let place = try #require(schema["properties"]?[key], "\(key)")
            #expect(Self.fits(file[key], place), "\(path): \(key)")
        }
    }

    @Test func mistakesDoNotFit() throws {
        let schema = try #require(Self.schema)
        for yaml in [["port": 70_000], ["prot": 1], ["cors": ["origins": "x"]], ["log": ["level": "loud"]]]
            as [[String: Any]]
        {
            #expect(!Self.fits(YAMLTree(value: yaml), schema), "\(yaml)")
        }
        #expect(Self.fits(YAMLTree(value: ["port": 1, "cors": ["origin": "x"]]), schema))
    }
}
