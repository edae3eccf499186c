// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import Glibc
import Logging
import NIOCore
import ProcessTesting
import SocketIOServer
import Synchronization
import Testing

/// The application that load generators drive, which may go wrong in one way.
struct FaultyServer: Sendable {
    enum Fault {
        case loses
        case doubles
        case reorders
        case harms
        case misdelivers
        case disconnects
        /// Stands still once, for 300 ms.
        case stalls

        /// What may happen to messages of rooms.
        static let ofBroadcasts: [Fault] = [.loses, .doubles, .reorders, .harms, .misdelivers, .disconnects]
    }

    private let io: Server
    let address: String

    static func start(_ fault: Fault?) async throws -> FaultyServer {
        var configuration = ServerConfiguration()
        configuration.eventLoops = 1
        configuration.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        configuration.engine.logger = configuration.logger
        let io = Server(configuration: configuration)
        io.onConnection { install(on: $0, io.of("/"), fault) }
        let guarded = io.of("/guarded")
        guarded.use { socket in
            guard socket.handshake.auth["token"] == "right" else { throw ConnectError("unauthorized") }
        }
        guarded.onConnection { install(on: $0, guarded, fault) }
        let port = try #require(try await io.listen()?.port)
        return FaultyServer(io: io, address: "http://127.0.0.1:\(port)")
    }

    func stop() async { await io.close() }

    private static func install(on socket: Socket, _ namespace: Namespace, _ fault: Fault?) {
        let held = Mutex<[String]>([])
        let count = Mutex(0)
        socket.on("echo", arguments: { arguments, ack in ack(relaying: arguments) })
        installEcho(on: socket, fault)
        socket.on("join") { (room: String) -> Bool in
            socket.join(room)
            return true
        }
        socket.on("msg") { (room: String, payload: String) in
            let number = count.withLock { count in
                count += 1
                return count
            }
            guard let fault, number % 7 == 3 else {
                namespace.to(room).emit("msg", payload)
                for late in held.withLock({ held in
                    defer { held = [] }
                    return held
                }) {
                    namespace.to(room).emit("msg", late)
                }
                return
            }
            switch fault {
            case .loses: break
            case .doubles:
                namespace.to(room).emit("msg", payload)
                namespace.to(room).emit("msg", payload)
            case .reorders: held.withLock { $0.append(payload) }
            case .harms: namespace.to(room).emit("msg", payload.dropLast() + "!")
            case .misdelivers: namespace.emit("msg", payload)
            case .disconnects: socket.disconnect(close: true)
            case .stalls: break
            }
        }
    }

    /// An echo whose acknowledgements go wrong.
    private static func installEcho(on socket: Socket, _ fault: Fault?) {
        let held = Mutex<[@Sendable () -> Void]>([])
        let count = Mutex(0)
        socket.on(
            "faulty-echo",
            arguments: { arguments, ack in
                let number = count.withLock { count in
                    count += 1
                    return count
                }
                let answer: @Sendable () -> Void = { ack(relaying: arguments) }
                switch fault {
                case .stalls where number == 20: usleep(300_000)
                case .loses where number % 7 == 3: return
                case .reorders where number % 7 == 3: return held.withLock { $0.append(answer) }
                default: break
                }
                answer()
                for late in held.withLock({ held in
                    defer { held = [] }
                    return held
                }) {
                    late()
                }
            })
    }
}

/// The built executable with its output.
enum LoadProcess {
    static func run(_ arguments: [String]) async throws -> (code: Int32, output: String) {
        let process = try RunningProcess(
            BuiltProduct.path("socketio-load"), arguments + ["--quiet"], errors: false)
        let code = try await process.exitCode(within: 120)
        return (code, process.output)
    }
}
