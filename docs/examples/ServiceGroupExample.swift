// Part of socketio-server, MIT licence; see LICENSE.

import Logging
import ServiceLifecycle
import SocketIOServer
import UnixSignals

/// Sends the number of connected clients to all of them, until the program ends.
struct CountTicker: Service {
    let io: Server
    let interval: Duration

    func run() async throws {
        // Cancelled sleep throws, which is how this service ends.
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: interval)
                io.volatile.emit("count", io.engine.clientsCount)
            }
        }
    }
}

/// A server and a service that depends on it, ended together by SIGTERM or Ctrl-C: first the ticker, then the server, which
/// disconnects its clients.
func serviceGroupExample(io: Server, interval: Duration = .seconds(1)) -> ServiceGroup {
    ServiceGroup(
        services: [io, CountTicker(io: io, interval: interval)], gracefulShutdownSignals: [.sigterm, .sigint],
        logger: Logger(label: "example"))  // try await group.run()
}
