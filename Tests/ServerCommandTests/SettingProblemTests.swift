// Part of socketio-server, MIT licence; see LICENSE.

internal import Testing

@testable internal import socketio_server

@Suite struct SettingProblemTests {
    @Test(arguments: [
        ("port: 70000\n", "settings.yaml:1:7: port: 70000 is out of range; allowed: 0 to 65535"),
        ("port: -1\n", "settings.yaml:1:7: port: -1 is out of range; allowed: 0 to 65535"),
        ("\n\nport: abc\n", "settings.yaml:3:7: port: expected a whole number, found 'abc'; allowed: 0 to 65535"),
        ("port: 1.5\n", "settings.yaml:1:7: port: expected a whole number, found '1.5'; allowed: 0 to 65535"),
        (
            "port: 99999999999999999999999\n",
            "settings.yaml:1:7: port: expected a whole number, found '99999999999999999999999'; allowed: 0 to 65535"
        ),
        ("port:\n", "settings.yaml:1:6: port: has no value; allowed: 0 to 65535"),
        ("port: [1, 2]\n", "settings.yaml:1:7: port: expected a single value, found a list; allowed: 0 to 65535"),
        ("port: {a: 1}\n", "settings.yaml:1:7: port: expected a value, found keys; allowed: 0 to 65535"),
        (
            "chat:\n  enabled: yes\n",
            "settings.yaml:2:12: chat.enabled: expected true or false, found 'yes'; allowed: true, false"
        ),
        (
            "log:\n  format: jsn\n",
            "settings.yaml:2:11: log.format: 'jsn' is not known; allowed: text, json; did you mean 'json'?"
        ),
        (
            "transports: [polling, websockets]\n",
            "settings.yaml:1:13: transports: 'websockets' is not known; allowed: a list of polling, websocket; "
                + "did you mean 'websocket'?"
        ),
        (
            "transports: []\n",
            "settings.yaml:1:13: transports: the list is empty; allowed: a list of polling, websocket"
        ),
        (
            "transports: [polling, polling]\n",
            "settings.yaml:1:13: transports: 'polling' is in the list twice; allowed: a list of polling, websocket"
        ),
        (
            "cors: {origin: [[a]]}\n",
            "settings.yaml:1:16: cors.origin: the list may hold single values only; allowed: a list of texts"
        ),
        (
            "adapter: redis-cluster\n",
            "settings.yaml:1:10: adapter: adapter 'redis-cluster' is not part of this version; "
                + "allowed: memory, redis, redis-sharded, redis-streams"
        ),
        (
            "path: socket.io\n",
            "settings.yaml:1:7: path: 'socket.io' is not accepted; allowed: a path that begins with /"
        ),
        (
            "nodeTag: abcde\n",
            "settings.yaml:1:10: nodeTag: 'abcde' is not accepted; allowed: 4 characters of A-Z a-z 0-9 - _, or nothing"
        ),
        ("limits: 5\n", "settings.yaml:1:9: limits: expected keys below it, found a value"),
        (
            "host: \"a\\nb\"\n",
            "settings.yaml:1:7: host: 'a\\nb' is not accepted; allowed: *, an address or a host name, without a "
                + "port"
        ),
        ("- port\n", "settings.yaml:1:1: expected keys with values, such as 'port: 3000'"),
        ("just text\n", "settings.yaml:1:1: expected keys with values, such as 'port: 3000'"),
        ("port: 1\nport: 2\n", "settings.yaml:1:1: written more than once: 'port'"),
    ])
    func badValues(yaml: String, expected: String) async throws {
        #expect(try await problems(yaml: yaml) == [expected])
    }

    @Test(arguments: [
        ("prot: 1\n", "settings.yaml:1:1: prot: unknown key; did you mean 'port'?"),
        ("pingInterva: 1\n", "settings.yaml:1:1: pingInterva: unknown key; did you mean 'pingIntervalMs'?"),
        ("PORT: 1\n", "settings.yaml:1:1: PORT: unknown key; did you mean 'port'?"),
        ("cors:\n  orgin: a\n", "settings.yaml:2:3: cors.orgin: unknown key; did you mean 'cors.origin'?"),
        ("credentials: true\n", "settings.yaml:1:1: credentials: unknown key; did you mean 'cors.credentials'?"),
        ("xyzzy: 1\n", "settings.yaml:1:1: xyzzy: unknown key"),
        ("xyzzy:\n  a:\n    b: 1\n", "settings.yaml:1:1: xyzzy: unknown key"),
        ("port.a: 1\n", "settings.yaml:1:1: port.a: unknown key; did you mean 'port'?"),
        ("1: 1\n", "settings.yaml:1:1: 1: unknown key"),
    ])
    func unknownKeys(yaml: String, expected: String) async throws {
        #expect(try await problems(yaml: yaml) == [expected])
    }

    @Test(arguments: ["port: [", "a: b: c", "\tport: 1", "port: \"1", "? [a]\n: 1\n", "&a [*a]", "port: \u{1}"])
    func brokenFilesGiveOneProblemWithItsPlace(yaml: String) async throws {
        let found = try await problems(yaml: yaml)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("settings.yaml:") == true)
    }

    @Test func aFileThatIsNotThere() async throws {
        let loader = SettingsLoader(configFile: "/nowhere/at/all.yaml", environment: [:])
        let error = await #expect(throws: SettingsError.self) { try await loader.load() }
        #expect(error?.problems.first?.message == "cannot read the settings: no such file")
    }

    @Test func everythingIsReportedAtOnce() async throws {
        let found = try await problems(
            yaml: "prot: 1\nport: 70000\n",
            environment: ["SOCKETIO_PORT": "x", "SOCKETIO_PROT": "1", "SOCKETIO_CONFIG": "unused"],
            flags: ["--port=99999", "--prot", "1", "extra"])
        #expect(
            found == [
                "settings.yaml:1:1: prot: unknown key; did you mean 'port'?",
                "settings.yaml:2:7: port: 70000 is out of range; allowed: 0 to 65535",
                "environment variable SOCKETIO_PROT: no setting has this name; did you mean 'SOCKETIO_PORT'?",
                "flag --prot: unknown flag; did you mean '--port'?",
                "argument extra: unexpected argument",
                "environment variable SOCKETIO_PORT: port: expected a whole number, found 'x'; allowed: 0 to 65535",
                "flag --port: port: 99999 is out of range; allowed: 0 to 65535",
            ])
    }

    /// A value that cannot be used hides neither what does not go together, nor what is wrong with files; and it is no reason for
    /// problems of its own.
    @Test func whatDoesNotGoTogetherIsReportedAsWell() async throws {
        let found = try await problems(
            yaml: """
                pingIntervalMs: soon
                trustedProxies: [proxy.example]
                cookie: {mode: tag, sameSite: none, secure: false}
                tls: {certificateFile: /dev/null, keyFile: [a, b]}
                operations: {port: 9464, host: 0.0.0.0, token: [a]}
                """)
        let expected = [
            "settings.yaml:1:17: pingIntervalMs: expected a whole number",
            "settings.yaml:4:44: tls.keyFile: expected a single value",
            "settings.yaml:5:48: operations.token: expected a single value",
            "settings.yaml:3:31: cookie.sameSite: browsers take",
            "settings.yaml:2:17: trustedProxies: 'proxy.example' is no address and no network; allowed: addresses such as "
                + "10.0.0.7 or fd00::7, and networks such as 10.0.0.0/8 or fd00::/8",
        ]
        #expect(found.count == expected.count && zip(found, expected).allSatisfy { $0.hasPrefix($1) }, "\(found)")
    }

    @Test(arguments: [
        ("10.0.0.7", true), ("::", true), ("[::1]", true), ("fe80::1%eth0", true), ("localhost", true),
        ("node-1.internal.example", true), ("node_1", true), ("1host", true), ("10.0.0.7:4000", false),
        ("[::1]:80", false),
        ("http://node", false), ("node:80", false), ("10.0.0.300", false), ("10.0.0", false), ("[10.0.0.7]", false),
        ("a b", false), ("a..b", false), ("a/b", false), (String(repeating: "a", count: 64), false),
    ])
    func hosts(text: String, isAccepted: Bool) async throws {
        for key in ["host", "operations.host", "cluster.internalHost"] {
            let parts = key.split(separator: ".")
            let yaml = parts.count == 1 ? "host: \"\(text)\"" : "\(parts[0]): {\(parts[1]): \"\(text)\"}"
            let found = try await problems(yaml: yaml)
            #expect(found.isEmpty == isAccepted, "\(key): \(found)")
            #expect(found.allSatisfy { $0.contains("\(key): ") && $0.contains("without a port") }, "\(found)")
        }
    }

    @Test func everyAddressIsNoAddressToSendTo() async throws {
        #expect(try await problems(yaml: "host: \"*\"\noperations: {port: 9464, host: \"*\", token: a}").isEmpty)
        #expect(try await problems(yaml: "host: \"*:3000\"")[0].contains("without a port"))
        #expect(try await problems(yaml: "cluster: {internalHost: \"*\"}")[0].contains("cluster.internalHost: '*'"))
    }

    @Test(arguments: [
        (["--port"], "flag --port: port: needs a value; allowed: 0 to 65535"),
        (["--port", "1", "--port", "2"], "flag --port: port: given more than once"),
        (["chek-config"], "argument chek-config: unexpected argument; did you mean 'check-config'?"),
        (["-p", "1"], "flag -p: unexpected argument"),
        (
            ["--tls-key-password", "x"],
            "flag --tls-key-password: tls.keyPassword: not accepted as a flag, which other users could read; use the "
                + "file or SOCKETIO_TLS_KEY_PASSWORD"
        ),
    ])
    func flags(arguments: [String], expected: String) async throws {
        #expect(try await problems(flags: arguments).first == expected)
    }

    @Test func onlyFlagsAtFaultIsAUsageError() async throws {
        let usage = await #expect(throws: SettingsError.self) { try await load(flags: ["--port=x"]) }
        #expect(usage?.isUsage == true)
        let both = await #expect(throws: SettingsError.self) { try await load(yaml: "a: 1", flags: ["--port=x"]) }
        #expect(both?.isUsage == false)
    }

    @Test func variablesOfKubernetesServicesAreLeftAlone() async throws {
        let environment = [
            "SOCKETIO_SERVICE_HOST": "10.0.0.1", "SOCKETIO_SERVICE_PORT": "80",
            "SOCKETIO_PORT_80_TCP": "tcp://10.0.0.1:80",
        ]
        #expect(try await load(environment: environment).settings == Settings())
        let found = try await problems(environment: ["SOCKETIO_PORT": "tcp://10.0.0.1:80"])
        #expect(found.first?.contains("enableServiceLinks") == true)
    }

    @Test func problemsNeverShowSecrets() async throws {
        let found = try await problems(
            yaml: "tls:\n  keyPassword: [hunter2]\n", environment: ["SOCKETIO_TLS_KEY_FILE": "x"])
        #expect(!found.isEmpty)
        #expect(!found.joined().contains("hunter2"))
    }

    @Test(arguments: [
        ("cors: {credentials: true, origin: [\"*\"]}", "cors.credentials"),
        ("cors: {origin: [\"*\", \"https://a.example\"]}", "cors.origin"),
        ("cors: {origin: [\"https://a.example/\"]}", "cors.origin"),
        ("cors: {origin: [\"a.example\"]}", "cors.origin"),
        ("cors: {origin: [\"https://A.example\"]}", "cors.origin"),
        ("cors: {origin: [\"https://a.example:443\"]}", "cors.origin"),
        ("cors: {origin: [\"http://a.example:80\"]}", "cors.origin"),
        ("cors: {origin: [\"https://\"]}", "cors.origin"),
        ("cors: {origin: [\"wss://a.example\"]}", "cors.origin"),
        ("cors: {origin: [\"https://u@a.example\"]}", "cors.origin"),
        ("cors: {origin: [\"://a\"]}", "cors.origin"),
        ("cors: {methods: [\"GET POST\"]}", "cors.methods"),
        ("cors: {allowedHeaders: [\"x:y\"]}", "cors.allowedHeaders"),
        ("cookie: {mode: tag, sameSite: none, secure: false}", "cookie.sameSite"),
        ("proxyProtocol: true", "proxyProtocol"),
        ("trustedProxies: [10.0.0.0/8, proxy.example]", "trustedProxies"),
        ("trustedProxies: [10.0.0.0/33]", "trustedProxies"),
        ("operations: {port: 9464, host: 0.0.0.0}", "operations.host"),
        ("tls: {certificateFile: /dev/null}", "tls.certificateFile"),
        ("tls: {keyFile: /dev/null}", "tls.keyFile"),
        ("tls: {keyPassword: x}", "tls.keyPassword"),
        ("tls: {keyFile: /dev/null, certificateFile: /nowhere}", "tls.certificateFile"),
        ("health: {path: /socket.io/health}", "health.path"),
        ("health: {path: /socket.io}", "health.path"),
        ("health: {path: /}", "health.path"),
        ("health: {readyPath: /socket.io/ready}", "health.readyPath"),
        ("health: {readyPath: /healthz}", "health.readyPath"),
        ("redis: {password: a, passwordFile: b}", "redis.passwordFile"),
    ])
    func settingsThatDoNotGoTogether(yaml: String, key: String) async throws {
        let found = try await problems(yaml: yaml)
        #expect(found.count == 1)
        #expect(found.first?.contains(": \(key): ") == true, "\(found)")
        #expect(found.first?.hasPrefix("settings.yaml:1:") == true)
    }
}
