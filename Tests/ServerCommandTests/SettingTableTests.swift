// Part of socketio-server, MIT licence; see LICENSE.

internal import Configuration
internal import Foundation
internal import Testing

@testable internal import socketio_server

@Suite struct SettingTableTests {
    @Test func namesAreUsedOnce() {
        let count = SettingTable.all.count
        #expect(SettingTable.byKey.count == count)
        #expect(SettingTable.byEnvironmentName.count == count)
        #expect(SettingTable.byFlag.count == count - SettingTable.all.filter(\.isSecret).count)
    }

    @Test func everyMemberOfSettingsHasARow() {
        #expect(Self.paths(of: Settings(), prefix: "").sorted() == SettingTable.all.map(\.key).sorted())
    }

    @Test func defaultsAreAllowedValues() throws {
        for setting in SettingTable.all {
            switch setting.defaultValue {
            case .unset: #expect(setting.isOptional, "\(setting.key)")
            case .text(let text): #expect(try setting.parse(.scalar(text)) == .text(text))
            case .number(let number): #expect(try setting.parse(.scalar("\(number)")) == .number(number))
            case .flag(let flag): #expect(try setting.parse(.scalar("\(flag)")) == .flag(flag))
            case .list(let items): #expect(try setting.parse(.list(items)) == .list(items))
            }
        }
    }

    @Test func namesAreThoseThatSwiftConfigurationLooksFor() {
        for setting in SettingTable.all {
            let key = ConfigKey(setting.components)
            let environment = EnvironmentVariablesProvider(environmentVariables: [setting.environmentName: "here"])
            let variables = ConfigReader(provider: environment.prefixKeys(with: ConfigKey(["socketio"])))
            #expect(variables.string(forKey: key) == "here", "\(setting.environmentName)")
            guard let flag = setting.flagName else { continue }
            let flags = ConfigReader(provider: CommandLineArgumentsProvider(arguments: ["x", "\(flag)=here"]))
            #expect(flags.string(forKey: key) == "here", "\(flag)")
        }
    }

    @Test func namesOfSomeSettings() {
        let setting = SettingTable.byKey["pingIntervalMs"]
        #expect(setting?.environmentName == "SOCKETIO_PING_INTERVAL_MS")
        #expect(setting?.flagName == "--ping-interval-ms")
        #expect(SettingTable.byKey["cors.maxAgeSeconds"]?.flagName == "--cors-max-age-seconds")
        #expect(SettingTable.byKey["tls.keyPassword"]?.flagName == nil)
    }

    @Test func theManualIsUpToDate() throws {
        let file = packageRoot.appendingPathComponent("docs/configuration.md")
        #expect(try String(contentsOf: file, encoding: .utf8) == SettingsReference.markdown, "run 'make docs'")
    }

    @Test func theDefaultFileIsUpToDate() async throws {
        let file = packageRoot.appendingPathComponent("config/default.yaml")
        #expect(try String(contentsOf: file, encoding: .utf8) == SettingsReference.yaml, "run 'make docs'")
        let loaded = try await SettingsLoader(configFile: file.path, environment: [:]).load()
        #expect(loaded.settings == Settings())
        #expect(Set(loaded.sources.keys) == Set(SettingTable.all.map(\.key)))
    }

    @Test func everyShippedFileLoads() async throws {
        let folder = packageRoot.appendingPathComponent("config")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".yaml") }
        #expect(files.contains("default.yaml"))
        for file in files {
            let path = folder.appendingPathComponent(file).path
            _ = try await SettingsLoader(configFile: path, environment: [:]).load()
        }
    }

    /// Key paths of all members, found by reflection: those of the structs of `Settings` are sections.
    private static func paths(of value: Any, prefix: String) -> [String] {
        Mirror(reflecting: value).children.flatMap { child -> [String] in
            let path = prefix + (child.label ?? "?")
            let isSection =
                Mirror(reflecting: child.value).displayStyle == .struct
                && String(reflecting: type(of: child.value)).hasPrefix("socketio_server.Settings.")
            return isSection ? paths(of: child.value, prefix: path + ".") : [path]
        }
    }
}

@Suite struct SuggestionTests {
    private static let words = [
        "port", "path", "pingIntervalMs", "pingTimeoutMs", "host", "maxSessions", "maxSessionsPerAddress",
        "maxHandshakesPerSecondPerAddress", "maxHandshakesPerSecond",
    ]

    @Test(arguments: [
        ("prot", "port"), ("pathh", "path"), ("pingInterval", "pingIntervalMs"), ("pingintervalms", "pingIntervalMs"),
        ("pingTimeout", "pingTimeoutMs"), ("hots", "host"),
        // The shortest of those that begin with the word, wherever it stands.
        ("maxSession", "maxSessions"), ("maxHandshake", "maxHandshakesPerSecond"),
    ])
    func nearWords(word: String, expected: String) {
        #expect(Suggestion.nearest(to: word, among: Self.words) == expected)
    }

    @Test(arguments: ["", "z", "database", "p", String(repeating: "port", count: 1_000)])
    func farWords(word: String) {
        #expect(Suggestion.nearest(to: word, among: Self.words) == nil)
    }
}
