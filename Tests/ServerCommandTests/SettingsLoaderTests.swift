// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import Testing

@testable internal import socketio_server

@Suite struct SettingsLoaderTests {
    @Test func nothingSaidGivesTheDefaults() async throws {
        let loaded = try await load()
        #expect(loaded.settings == Settings())
        #expect(loaded.sources.isEmpty)
    }

    @Test func laterPlacesWin() async throws {
        let yaml = "port: 1001\npingIntervalMs: 1001\npingTimeoutMs: 1001\n"
        let environment = ["SOCKETIO_PING_INTERVAL_MS": "1002", "SOCKETIO_PING_TIMEOUT_MS": "1002"]
        let loaded = try await load(yaml: yaml, environment: environment, flags: ["--ping-timeout-ms", "1003"])
        #expect(loaded.settings.upgradeTimeoutMs == 10_000)
        #expect(loaded.settings.port == 1001)
        #expect(loaded.settings.pingIntervalMs == 1002)
        #expect(loaded.settings.pingTimeoutMs == 1003)
        #expect(loaded.sources["pingTimeoutMs"] == .flag("--ping-timeout-ms"))
        #expect(loaded.sources["pingIntervalMs"] == .environment("SOCKETIO_PING_INTERVAL_MS"))
        #expect(loaded.sources["upgradeTimeoutMs"] == nil)
    }

    @Test func theVariableNamesTheFileUnlessTheFlagDoes() async throws {
        let first = try TemporaryFile("port: 1\n")
        let second = try TemporaryFile("port: 2\n")
        let environment = ["SOCKETIO_CONFIG": first.path]
        #expect(try await SettingsLoader(environment: environment).load().settings.port == 1)
        let loader = SettingsLoader(configFile: second.path, environment: environment)
        #expect(try await loader.load().settings.port == 2)
    }

    @Test(arguments: [
        "cors: {origin: [\"https://a.example\", \"https://b.example\"]}\n",
        "cors:\n  origin:\n    - https://a.example\n    - https://b.example\n",
    ])
    func listsInTheFile(yaml: String) async throws {
        #expect(try await load(yaml: yaml).settings.cors.origin == ["https://a.example", "https://b.example"])
    }

    @Test func aSingleValueIsAListOfOne() async throws {
        #expect(try await load(yaml: "cors: {origin: \"*\"}").settings.cors.origin == ["*"])
        #expect(try await load(yaml: "transports: websocket").settings.transports == [.websocket])
    }

    @Test func listsInVariablesAndFlags() async throws {
        let origins = ["https://a.example", "https://b.example"]
        let variable = ["SOCKETIO_CORS_ORIGIN": "https://a.example,https://b.example"]
        #expect(try await load(environment: variable).settings.cors.origin == origins)
        for flags in [
            ["--cors-origin", "https://a.example,https://b.example"],
            ["--cors-origin=https://a.example", "--cors-origin", "https://b.example"],
            ["--cors-origin", "https://a.example", "https://b.example"],
        ] {
            #expect(try await load(flags: flags).settings.cors.origin == origins)
        }
    }

    @Test func aStrongerPlaceEmptiesAList() async throws {
        let yaml = "cors: {origin: [\"https://a.example\"]}"
        #expect(try await load(yaml: yaml, environment: ["SOCKETIO_CORS_ORIGIN": ""]).settings.cors.origin == [])
        #expect(try await load(yaml: yaml, flags: ["--cors-origin="]).settings.cors.origin == [])
    }

    @Test func textsKeepTheirCommas() async throws {
        #expect(try await load(flags: ["--client-directory", "a,b"]).settings.client.directory == "a,b")
        #expect(try await load(environment: ["SOCKETIO_CLIENT_DIRECTORY": "a,b"]).settings.client.directory == "a,b")
        #expect(try await load(yaml: "client: {directory: \"a,b\"}").settings.client.directory == "a,b")
    }

    @Test func whatMayBeMissingIsSwitchedOffByNothing() async throws {
        #expect(try await load(yaml: "health: {path: null}").settings.health.path == nil)
        #expect(try await load(yaml: "health: {path: }").settings.health.path == nil)
        #expect(try await load(yaml: "health: {path: \"\"}").settings.health.path == nil)
        #expect(try await load(environment: ["SOCKETIO_HEALTH_PATH": ""]).settings.health.path == nil)
        #expect(try await load(flags: ["--health-path="]).settings.health.path == nil)
        #expect(try await load(yaml: "cors: {maxAgeSeconds: 5}").settings.cors.maxAgeSeconds == 5)
    }

    @Test(arguments: [
        (["--cors-enforce", "--cors-origin", "https://a.example"], true),
        (["--cors-enforce", "true", "--cors-origin", "https://a.example"], true),
        (["--cors-enforce=false"], false), ([], true),
    ])
    func flagsOfYesAndNo(flags: [String], expected: Bool) async throws {
        #expect(try await load(flags: flags).settings.cors.enforce == expected)
    }

    @Test func wordsAndNumbersAsPeopleWriteThem() async throws {
        let yaml =
            "maxHttpBufferSize: 2_000_000\nport: \"8080\"\nlog: {level: debug, format: json}\nnodeTag: \"0001\"\n"
        let settings = try await load(yaml: yaml).settings
        #expect(settings.maxHttpBufferSize == 2_000_000)
        #expect(settings.port == 8080)
        #expect(settings.log == Settings.Log(level: .debug, format: .json))
        #expect(settings.nodeTag == "0001")
    }

    @Test(arguments: ["", "# nothing\n", "---\n", "tls:\n  # certificateFile: x\nport: 3000\n", "null\n"])
    func filesWithNothingInThem(yaml: String) async throws {
        #expect(try await load(yaml: yaml).settings == Settings())
    }

    @Test func secretsAreReadAndNeverShown() async throws {
        let key = try TemporaryFile("key", name: "key.pem")
        let flags = ["--tls-certificate-file", key.path, "--tls-key-file", key.path]
        let loaded = try await load(environment: ["SOCKETIO_TLS_KEY_PASSWORD": "hunter2"], flags: flags)
        #expect(loaded.settings.tls.keyPassword == "hunter2")
        #expect(!loaded.listing().contains("hunter2"))
        #expect(loaded.listing().contains("tls.keyPassword: ***"))
    }

    // The adapter has one value only in this version.
    @Test(arguments: SettingTable.all.filter { $0.key != "adapter" }.map(\.key))
    func everySettingGoesToItsOwnPlace(key: String) throws {
        let setting = try #require(SettingTable.byKey[key])
        let (text, value) = try #require(Self.other(than: setting))
        #expect(try setting.parse(.scalar(text)) == value)
        var settings = Settings()
        setting.assign(value, &settings)
        #expect(setting.read(settings) == value)
        #expect(SettingTable.all.filter { $0.read(settings) != $0.defaultValue }.map(\.key) == [key])
    }

    /// A value that is allowed and not the default.
    private static func other(than setting: SettingDefinition) -> (String, SettingValue)? {
        switch setting.kind {
        case .flag:
            let other = setting.defaultValue != .flag(true)
            return ("\(other)", .flag(other))
        case .number(let range):
            let other = setting.defaultValue == .number(range.lowerBound) ? range.upperBound : range.lowerBound
            return ("\(other)", .number(other))
        case .list(let words):
            let word = words.last ?? "other"
            return (word, .list([word]))
        case .choice(let words, _):
            return words.first { .text($0) != setting.defaultValue }.map { ($0, .text($0)) }
        case .text(_, let rule):
            let words = [
                "/other", "abcd", "other", "https://other", "other:1", "sixteen letters and more",
                "sixteen-letters-and-more",
            ]
            return words.first(where: rule).map { ($0, .text($0)) }
        }
    }
}
