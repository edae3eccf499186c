// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import HTTPTesting
internal import NIOCore
internal import NIOHTTP1
internal import Testing

@testable internal import EngineIOServer

/// What of a directory is served, and what is not.
@Suite struct ClientFilesTests {
    /// A directory with a file next to it.
    private final class Folder {
        let root: URL
        var client: String { root.appendingPathComponent("client").path }

        init() throws {
            root = FileManager.default.temporaryDirectory.appendingPathComponent("client-files-\(UUID().uuidString)")
            try FileManager.default.createDirectory(
                at: root.appendingPathComponent("client/data"), withIntermediateDirectories: true)
            try FileManager.default.createDirectory(
                at: root.appendingPathComponent("client-secrets"), withIntermediateDirectories: true)
            try write("secret", "client-secrets/key")
            try write("secret", "key")
        }

        deinit { try? FileManager.default.removeItem(at: root) }

        func write(_ text: String, _ name: String) throws {
            try text.write(to: root.appendingPathComponent(name), atomically: true, encoding: .utf8)
        }

        func link(_ name: String, to target: String) throws {
            try FileManager.default.createSymbolicLink(
                atPath: root.appendingPathComponent("client/" + name).path, withDestinationPath: target)
        }

        func files() -> ClientFiles { ClientFiles(path: "/socket.io", directory: client) }
    }

    private func body(_ files: ClientFiles, _ name: String, _ headers: HTTPHeaders = [:]) -> String? {
        let answer = files.answer(
            name: name, request: HTTPServerRequest(method: .GET, target: "/socket.io/" + name, headers: headers))
        guard answer.status == .ok else { return nil }
        #expect(answer.headers["x-content-type-options"] == ["nosniff"])
        return String(buffer: answer.body)
    }

    @Test func linksThatLeadOutAreNotServed() throws {
        let folder = try Folder()
        try folder.link("socket.io.js", to: "../key")
        try folder.link("socket.io.min.js", to: folder.root.appendingPathComponent("key").path)
        // A name that begins like the directory's is another directory.
        try folder.link("socket.io.esm.min.js", to: "../client-secrets/key")
        try folder.link("out", to: "..")
        try folder.link("socket.io.msgpack.min.js", to: "out/key")
        try folder.link("socket.io.js.map", to: "/etc/passwd")
        let files = folder.files()
        #expect(files.available.isEmpty)
        #expect(files.strays.count == 5)
        for name in ClientFiles.names { #expect(body(files, name) == nil, "\(name)") }
        #expect(files.strays["socket.io.js"]?.hasSuffix("/key") == true)
    }

    /// Caches between may keep each form, and never mix two of them up.
    @Test func everyFormHasATagOfItsOwn() throws {
        let folder = try Folder()
        try folder.write(String(repeating: "good ", count: 100), "client/socket.io.js")
        let files = folder.files()
        func answer(_ headers: HTTPHeaders) -> HTTPServerResponse {
            files.answer(
                name: "socket.io.js",
                request: HTTPServerRequest(method: .GET, target: "/socket.io/socket.io.js", headers: headers))
        }
        var tags: Set<String> = []
        for coding in ["", "gzip", "deflate"] {
            let full = answer(["Accept-Encoding": coding])
            let tag = try #require(full.headers.first(name: "ETag"))
            #expect(full.status == .ok && full.headers["Vary"] == ["Accept-Encoding"])
            #expect(full.headers["Content-Encoding"] == (coding.isEmpty ? [] : [coding]))
            for known in [tag, "W/\(tag)", "\"other\" , \(tag)", "*"] {
                let short = answer(["Accept-Encoding": coding, "If-None-Match": known])
                #expect(short.status == .notModified && short.body.readableBytes == 0, "\(known)")
                #expect(short.headers["ETag"] == [tag] && short.headers["Vary"] == ["Accept-Encoding"])
                #expect(short.headers["Cache-Control"] == ["public, max-age=0"])
            }
            for other in tags { #expect(answer(["Accept-Encoding": coding, "If-None-Match": other]).status == .ok) }
            tags.insert(tag)
        }
        #expect(tags.count == 3)
        let before = tags
        try folder.write(String(repeating: "better ", count: 100), "client/socket.io.js")
        let changed = folder.files().answer(
            name: "socket.io.js", request: HTTPServerRequest(method: .GET, target: "/socket.io/socket.io.js"))
        #expect(!before.contains(try #require(changed.headers.first(name: "ETag"))))
    }

    /// What compression makes longer is sent as it is, and depends on nothing.
    @Test func aShortFileHasOneForm() throws {
        let folder = try Folder()
        try folder.write("good", "client/socket.io.js")
        let answer = folder.files().answer(
            name: "socket.io.js",
            request: HTTPServerRequest(
                method: .GET, target: "/socket.io/socket.io.js", headers: ["Accept-Encoding": "gzip"]))
        #expect(answer.headers["Content-Encoding"] == [] && answer.headers["Vary"] == [])
        #expect(String(buffer: answer.body) == "good")
    }

    /// A client that writes MessagePack cannot talk to a server which reads JSON only.
    @Test func thePackedClientIsServedWhereItWorks() throws {
        let folder = try Folder()
        try folder.write("packed", "client/socket.io.msgpack.min.js")
        #expect(body(folder.files(), "socket.io.msgpack.min.js") == "packed")
        let files = ClientFiles(path: "/socket.io", directory: folder.client, servesPackedClient: false)
        let answer = files.answer(
            name: "socket.io.msgpack.min.js",
            request: HTTPServerRequest(method: .GET, target: "/socket.io/socket.io.msgpack.min.js"))
        #expect(answer.status == .notFound && String(buffer: answer.body).contains("`parser`"))
    }

    /// A compressed form is a file, too.
    @Test func aCompressedFormThatLeadsOutIsNotServed() throws {
        let folder = try Folder()
        try folder.write("good", "client/socket.io.js")
        try folder.link("socket.io.js.br", to: "../key")
        let files = folder.files()
        #expect(body(files, "socket.io.js", ["Accept-Encoding": "br"]) != "secret")
        #expect(files.strays.keys.sorted() == ["socket.io.js"])
    }

    /// As in a volume of Kubernetes: every file is a link into a hidden directory, which is one itself.
    @Test func linksWithinAreFollowed() throws {
        let folder = try Folder()
        try folder.write("good", "client/data/socket.io.js")
        try folder.link("..data", to: "data")
        try folder.link("socket.io.js", to: "..data/socket.io.js")
        let files = folder.files()
        #expect(body(files, "socket.io.js") == "good" && files.strays.isEmpty)
        // The directory itself may be reached through a link.
        try folder.link("alias", to: ".")
        let alias = ClientFiles(path: "/socket.io", directory: folder.client + "/alias")
        #expect(body(alias, "socket.io.js") == "good")
    }

    @Test func whatIsNoFileIsNotServed() throws {
        let folder = try Folder()
        try FileManager.default.createDirectory(
            atPath: folder.client + "/socket.io.js", withIntermediateDirectories: true)
        try folder.link("socket.io.min.js", to: "nothing")
        try folder.link("socket.io.esm.min.js", to: "socket.io.esm.min.js")
        let files = folder.files()
        #expect(files.available.isEmpty && files.strays.isEmpty)
    }

    @Test(arguments: [
        "/../key", "/socket.io/../key", "/socket.io/../client-secrets/key", "/socket.io/%2e%2e%2fkey",
        "/socket.io/..%2fkey", "/socket.io/..%5ckey", "/socket.io/%00", "/socket.io/socket.io.js%00", "/socket.io/data",
        "/socket.io/data/", "/socket.io/./socket.io.js", "/socket.io//socket.io.js", "/socket.io/SOCKET.IO.JS",
        "/socket.io/socket.io.js/", "/socket.io/" + String(repeating: "../", count: 4_000) + "etc/passwd",
    ])
    func noPathNamesAFile(target: String) async throws {
        let folder = try Folder()
        try folder.write("good", "client/socket.io.js")
        let engine = ScriptedEngine { $0.respond(HTTPServerResponse(status: .badRequest)) }
        try await TestServer.with(engine: engine, configure: { $0.clientDirectory = folder.client }) { server in
            let client = try await server.connect()
            try await client.send("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
            let answer = try await client.answers(1)[0]
            #expect([400, 404].contains(answer.status), "\(answer)")
            #expect(!answer.body.contains("secret") && !answer.body.contains("root:"))
            try await client.close()
        }
    }
}
