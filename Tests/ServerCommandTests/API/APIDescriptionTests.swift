// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// The description of the HTTP API is the file of the documentation, and says what the server does.
@Suite struct APIDescriptionTests {
    @Test func theFileOfTheDocumentationIsTheDescription() throws {
        let file = packageRoot.appendingPathComponent("docs/openapi.json")
        #expect(try String(contentsOf: file, encoding: .utf8) == APIDescription.text + "\n", "run make docs")
    }

    @Test func everyReferenceHasItsSchema() throws {
        let document = try RawJSON(APIDescription.text).value
        let schemas = try #require(document["components"]?["schemas"]?.object)
        var found: NameSet = []
        func visit(_ value: SocketValue) {
            if let name = value["$ref"]?.string { found.insert(String(name.split(separator: "/").last ?? "")) }
            for element in value.array ?? [] { visit(element) }
            for (_, member) in value.object ?? [:] { visit(member) }
        }
        visit(document)
        #expect(found == NameSet(schemas.keys))
    }

    /// Each path answers with the members that its schema requires, and no others.
    @Test func answersHaveTheMembersThatAreDescribed() async throws {
        let document = try RawJSON(APIDescription.text).value
        let schemas = try #require(document["components"]?["schemas"])
        let bodies = [
            "emit": #"{"event":"a","ackTimeoutMs":1000}"#, "join": #"{"everyone":true,"rooms":"r"}"#,
            "leave": #"{"everyone":true,"rooms":"x"}"#, "disconnect": #"{"to":"nobody"}"#,
            "batch": #"{"operations":[{"operation":"emit","event":"a"}]}"#,
        ]
        let queries = ["history": "?room=r"]
        try await APIUnderTest.run { (api) async throws in
            let socket = try await api.socket()
            socket.answer("a") { _ in [] }
            let paths = try #require(document["paths"]?.object)
            for (path, methods) in paths.sorted(by: { $0.key > $1.key }) {
                let name = String(path.dropFirst(HTTPAPICore.path.count))
                let isPost = methods["post"] != nil
                let answer = try await api.ask(
                    isPost ? "POST" : "GET", path + (queries[name] ?? ""), bodies[name] ?? "")
                #expect(answer.status == 200, "\(path): \(answer.text)")
                let described = methods[isPost ? "post" : "get"]?["responses"]?["200"]?["content"]?["application/json"]
                let reference = described?["schema"]?["$ref"]?.string ?? ""
                let schema = try #require(schemas[String(reference.split(separator: "/").last ?? "")])
                let members = NameSet(try answer.value.object?.keys ?? [])
                let required = NameSet((schema["required"]?.array ?? []).compactMap(\.string))
                let allowed = NameSet(schema["properties"]?.object?.keys ?? [])
                #expect(
                    required.allSatisfy(members.contains) && members.allSatisfy(allowed.contains), "\(path): \(members)"
                )
            }
        }
    }
}
