// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// The HTTP API: what it refuses, and how it says so.
@Suite struct HTTPAPIRefusalTests {
    @Test func whoHasNoTokenOrTheWrongScope() async throws {
        try await APIUnderTest.run { (api) async throws in
            for token in [nil, "x:emit:0123456789abcdeF", "x:emit:", "x:emit:0123456789abcde"] {
                let answer = try await api.ask("POST", "/api/emit", #"{"event":"a"}"#, token: token)
                #expect(answer.refusal == "401 unauthorized")
                #expect(answer["www-authenticate"] == "Bearer")
            }
            let reader = APIUnderTest.reader
            #expect(try await api.ask("GET", "/api/count", token: reader).status == 200)
            for operation in ["emit", "join", "leave", "disconnect"] {
                #expect(try await api.ask("POST", "/api/" + operation, "{}", token: reader).refusal == "403 forbidden")
            }
            let batch = #"{"operations":[{"operation":"emit","event":"a"}]}"#
            #expect(try await api.ask("POST", "/api/batch", batch, token: reader).refusal == "403 forbidden")
        }
    }

    @Test(arguments: [
        ("emit", #"{"args":[]}"#, "400 badField event"),
        ("emit", #"{"event":""}"#, "400 badField event"),
        ("emit", #"{"event":"disconnect"}"#, "400 badField event"),
        ("emit", #"{"event":"a","args":{}}"#, "400 badField args"),
        ("emit", #"{"event":"a","argument":[]}"#, "400 badField argument"),
        ("emit", #"{"event":"a","to":[1]}"#, "400 badField to"),
        ("emit", #"{"event":"a","to":""}"#, "400 badField to"),
        ("emit", #"{"event":"a","volatile":"yes"}"#, "400 badField volatile"),
        ("emit", #"{"event":"a","ackTimeoutMs":0}"#, "400 badField ackTimeoutMs"),
        ("emit", #"{"event":"a","ackTimeoutMs":60001}"#, "400 badField ackTimeoutMs"),
        ("emit", #"{"event":"a","ackTimeoutMs":1e400}"#, "400 badField ackTimeoutMs"),
        ("emit", "[]", "400 badJSON"), ("emit", "", "400 badJSON"), ("emit", "{", "400 badJSON"),
        ("join", #"{"to":"a"}"#, "400 badField rooms"),
        ("join", #"{"rooms":"a"}"#, "400 badField to"),
        ("leave", #"{"to":"a","everyone":true,"rooms":"a"}"#, "400 badField to"),
        // Forgotten, it would be everybody.
        ("disconnect", "{}", "400 badField to"),
        ("batch", #"{"operations":[]}"#, "400 badField operations"),
        ("batch", #"{"operations":[{"operation":"fly"}]}"#, "400 badField operations[0].operation"),
        ("fly", "{}", "404 notFound"),
    ])
    func whatIsWrongIsNamed(operation: String, body: String, refusal: String) async throws {
        try await APIUnderTest.run { (api) async throws in
            #expect(try await api.post(operation, body).refusal == refusal)
        }
    }

    @Test func limitsHoldAtOneMore() async throws {
        var limits = APILimits()
        limits.maxBodyBytes = 2_000
        limits.maxBatch = 2
        limits.maxNameLength = 20
        limits.maxEventNameLength = 10
        limits.maxRooms = 3
        limits.maxNesting = 8
        limits.maxListed = 5
        try await APIUnderTest.run(limits) { (api) async throws in
            func text(_ count: Int) -> String { String(repeating: "x", count: count) }
            func emit(_ members: String) async throws -> String { try await api.post("emit", "{\(members)}").refusal }
            let fitting = #"{"event":"a","args":[""#
            let full = fitting + text(2_000 - fitting.utf8.count - 3) + #""]}"#
            #expect(try await api.post("emit", full).status == 200)
            #expect(try await api.post("emit", full + " ").refusal == "413 tooLarge")
            #expect(try await emit(#""event":"\#(text(10))""#).hasPrefix("200"))
            #expect(try await emit(#""event":"\#(text(11))""#) == "400 badField event")
            #expect(try await emit(#""event":"a","to":"\#(text(20))""#).hasPrefix("200"))
            #expect(try await emit(#""event":"a","to":"\#(text(21))""#) == "400 badField to")
            #expect(try await emit(#""event":"a","namespace":"/\#(text(20))""#) == "400 badField namespace")
            #expect(try await emit(#""event":"a","to":["a","b","c"]"#).hasPrefix("200"))
            #expect(try await emit(#""event":"a","except":["a","b","c","d"]"#) == "400 badField except")
            let operation = #"{"operation":"emit","event":"a"}"#
            #expect(try await api.post("batch", "{\"operations\":[\(operation),\(operation)]}").status == 200)
            #expect(
                try await api.post("batch", "{\"operations\":[\(operation),\(operation),\(operation)]}").refusal
                    == "400 badField operations")
            func nested(_ depth: Int) -> String {
                "\"event\":\"a\",\"args\":" + String(repeating: "[", count: depth)
                    + String(repeating: "]", count: depth)
            }
            #expect(try await emit(nested(11)).hasPrefix("200"))
            #expect(try await emit(nested(12)) == "400 badJSON")
            #expect(try await api.ask("GET", "/api/rooms?limit=5").status == 200)
            #expect(try await api.ask("GET", "/api/rooms?limit=6").refusal == "400 badField limit")
            #expect(try await api.ask("GET", "/api/rooms?room=\(text(21))").refusal == "400 badField room")
            #expect(try await api.ask("GET", "/api/rooms?rooms=a").refusal == "400 badField rooms")
        }
    }

    @Test func eachPathHasItsMethods() async throws {
        try await APIUnderTest.run { (api) async throws in
            let get = try await api.ask("GET", "/api/emit")
            #expect(get.refusal == "405 methodNotAllowed" && get["allow"] == "POST")
            let post = try await api.ask("POST", "/api/count")
            #expect(post.refusal == "405 methodNotAllowed" && post["allow"] == "GET, HEAD")
            #expect(try await api.ask("HEAD", "/api/count").status == 200)
        }
    }

    @Test(arguments: [
        "name:emit:0123456789abcde", "name:fly:0123456789abcdef", "name::0123456789abcdef", ":emit:0123456789abcdef",
        "na me:emit:0123456789abcdef", "name:emit", "0123456789abcdef", "name:emit:0123456789abcde\u{e9}",
    ])
    func aTokenOfAnotherFormIsNone(text: String) { #expect(APIToken(text) == nil) }

    @Test func aSecretMayHoldColons() throws {
        let token = try #require(APIToken("name:emit+read:01:23:456789abcdef"))
        #expect(token.name == "name" && token.scopes == [.emit, .read])
    }

    @Test func settingsThatCannotWorkAreNamedWithoutTheSecret() async throws {
        let good = "api:\n  tokens: [\"shop:emit:0123456789abcdef\"]\n"
        #expect(try await problems(yaml: good + "operations:\n  port: 0\n") == [])
        #expect(try await problems(yaml: good)[0].contains("needs operations.port, or api.publicListener"))
        #expect(try await problems(yaml: good + "  publicListener: true\n") == [])
        #expect(try await problems(yaml: "api:\n  publicListener: true\n")[0].contains("needs api.tokens"))
        let bad = try await problems(
            yaml:
                "operations:\n  port: 0\napi:\n  tokens: [\"shop:emit:0123456789abcdef\", \"shop:emit:1123456789abcdef\", \"verysecret\"]\n"
        )
        #expect(bad.count == 2)
        #expect(bad[0].contains("number 2 has the name 'shop' of another one"))
        #expect(bad[1].contains("number 3 must be name:scopes:secret"))
        #expect(!bad.joined().contains("verysecret"))
    }
}
