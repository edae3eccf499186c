// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import SocketIORedis
import SocketIOServer
import Synchronization

// The program of `docs/tutorial.md`, in pieces that stand in the page word for word. `TutorialTests` runs it.

struct Person: Sendable { var name: String }

struct Message: Codable, Sendable {
    var from: String
    var text: String
}

final class History: Sendable {
    private let rooms = Mutex<NameDictionary<[Message]>>([:])

    func messages(of room: String) -> [Message] {
        rooms.withLock { $0[room] ?? [] }
    }

    func add(_ message: Message, to room: String) {
        rooms.withLock { rooms in
            if rooms[room] == nil, rooms.count >= 1_000 { return }
            rooms[room, default: []].append(message)
            if rooms[room, default: []].count > 50 { rooms[room, default: []].removeFirst() }
        }
    }
}

/// Steps 1 and 2: a page, and messages to everybody.
enum FirstSteps {
    static func main(before: @Sendable (Server) -> Void) async throws {
        var configuration = ServerConfiguration()
        configuration.port = 3000
        let io = Server(configuration: configuration)
        before(io)
        try await io.run()
    }

    static func servePage(_ io: Server) {
        io.onRequest { request in
            guard request.target == "/" else { return .text("not found", status: .notFound) }
            var response = ApplicationResponse.text(page)
            response.headers.replaceOrAdd(name: "Content-Type", value: "text/html; charset=utf-8")
            return response
        }
    }

    static func messages(_ io: Server) {
        io.onConnection { socket in
            socket.on("message") { (room: String, text: String) -> Bool in
                io.emit("message", ["from": socket.id, "text": text])
                return true
            }
        }
    }
}

/// Steps 3 and 4: names, rooms and a history.
enum OneServer {
    struct Talk: Sendable {
        let io: Server
        let history = History()

        func start() {
            io.use { socket in
                guard let name = socket.handshake.auth["name"]?.string, (1...40).contains(name.utf8.count) else {
                    throw ConnectError("A name has 1 to 40 bytes")
                }
                socket.set(Person(name: name))
            }
            io.onConnection { socket in
                let name = socket.get(Person.self)?.name ?? ""
                socket.on("enter") { (room: String) throws -> [Message] in
                    guard (1...40).contains(room.utf8.count) else { throw EventError("A room has 1 to 40 bytes") }
                    socket.join("room:" + room)
                    socket.to("room:" + room).emit("entered", name)
                    return history.messages(of: room)
                }
                socket.on("message") { (room: String, text: String) throws -> Bool in
                    guard socket.rooms.contains("room:" + room) else { throw EventError("You are not in this room") }
                    guard (1...2_000).contains(text.utf8.count) else { throw EventError("A text has 1 to 2,000 bytes") }
                    let message = Message(from: name, text: text)
                    io.to("room:" + room).emit("message", message)
                    history.add(message, to: room)
                    return true
                }
                socket.onDisconnecting { _ in
                    for room in socket.rooms where room != socket.id { socket.to(room).emit("left", name) }
                }
            }
        }
    }

    static func main(io: Server) async throws {
        let talk = Talk(io: io)
        talk.start()
        try await io.run()
    }
}

/// Step 6: several servers.
enum SeveralServers {
    struct Talk: Sendable {
        let io: Server
        let history = History()

        func start() {
            io.use { socket in
                guard let name = socket.handshake.auth["name"]?.string, (1...40).contains(name.utf8.count) else {
                    throw ConnectError("A name has 1 to 40 bytes")
                }
                socket.set(Person(name: name))
            }
            io.onConnection { socket in
                let name = socket.get(Person.self)?.name ?? ""
                socket.on("enter") { (room: String) throws -> [Message] in
                    socket.join("room:" + room)
                    return history.messages(of: room)
                }
                socket.on("message") { (room: String, text: String) async throws -> Bool in
                    guard socket.rooms.contains("room:" + room) else { throw EventError("You are not in this room") }
                    guard (1...2_000).contains(text.utf8.count) else { throw EventError("A text has 1 to 2,000 bytes") }
                    let message = Message(from: name, text: text)
                    io.to("room:" + room).emit("message", message)
                    history.add(message, to: room)
                    // It fails while Redis is away: then only the histories of the others lack the message.
                    try? await io.serverSideEmit("said", message, room)
                    return true
                }
            }
            io.sockets.on("said") { (message: Message, room: String) in history.add(message, to: room) }
        }
    }

    static func configuration() throws -> ServerConfiguration {
        var configuration = ServerConfiguration()
        let environment = ProcessInfo.processInfo.environment
        configuration.port = Int(environment["PORT"] ?? "") ?? 3000
        if let url = environment["REDIS_URL"] {
            let cluster = try RedisCluster(url: url)
            configuration.adapter = cluster.adapter
            configuration.engine.forwarding = ForwardingConfiguration(directory: cluster)
        }
        return configuration
    }
}
