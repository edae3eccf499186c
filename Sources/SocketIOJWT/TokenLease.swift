// Part of socketio-server, MIT licence; see LICENSE.

internal import LoopConfinement
internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

/// How long a socket may stay: at most one timer of its event loop, which warns the client first and disconnects it later.
/// Lives on that loop.
final class TokenLease: LoopResident {
    let home: PlainHome
    private let socket: Socket
    private let onExpiry: @Sendable () -> Void
    private var timer: SocketTimer?
    private var isEnded = false
    private var deadlines: TokenDeadlines?

    init(_ socket: Socket, onExpiry: @escaping @Sendable () -> Void) {
        self.home = PlainHome(socket.eventLoop)
        self.socket = socket
        self.onExpiry = onExpiry
    }

    /// From now on these claims hold.
    func hold(_ claims: TokenClaims, _ options: TokenAuthentication.Options) {
        timer?.cancel()
        timer = nil
        deadlines = claims.expiresAt.map { TokenDeadlines(end: $0, options) }
        arm()
    }

    /// The socket has gone.
    func cancel() {
        isEnded = true
        timer?.cancel()
        timer = nil
    }

    private func arm() {
        guard !isEnded, let deadlines else { return }
        timer = socket.schedule(after: deadlines.delay(at: TokenAuthentication.now), beside: self) { self.fire() }
    }

    private func fire() {
        timer = nil
        guard !isEnded, var deadlines else { return }
        let step = deadlines.step(at: TokenAuthentication.now)
        self.deadlines = deadlines
        switch step {
        case .expire:
            onExpiry()
            socket.emit("token_expired")
            socket.disconnect()
        case .warn:
            let times: SocketValue = [
                "expiresAt": .int(Self.milliseconds(deadlines.end)),
                "disconnectAt": .int(Self.milliseconds(deadlines.limit)),
            ]
            socket.emit("token_expiring", times)
            arm()
        case .wait:
            arm()
        }
    }

    /// In milliseconds, as far as JavaScript can count.
    static func milliseconds(_ seconds: Double) -> Int64 { Int64(min(max(seconds * 1000, -9e15), 9e15)) }
}
