// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

/// How long a socket may stay: at most one timer of its event loop, which warns the client first and disconnects it later.
///
/// `@unchecked Sendable`, because everything that changes is confined to the socket's event loop.
final class TokenLease: @unchecked Sendable {
    /// The longest time set at once. Looked at again then, and by the wall clock, which may have been put right.
    private static let longest = 86_400.0 * 30

    private let socket: Socket
    private let onExpiry: @Sendable () -> Void
    private var timer: SocketTimer?
    private var isEnded = false
    private var end = Double.infinity
    private var limit = Double.infinity
    private var warnAt = Double.infinity

    init(_ socket: Socket, onExpiry: @escaping @Sendable () -> Void) {
        self.socket = socket
        self.onExpiry = onExpiry
    }

    /// From now on these claims hold.
    func hold(_ claims: TokenClaims, _ options: TokenAuthentication.Options) {
        socket.onLoop { self.holdNow(claims, options) }
    }

    /// The socket has gone.
    func cancel() {
        isEnded = true
        timer?.cancel()
        timer = nil
    }

    private func holdNow(_ claims: TokenClaims, _ options: TokenAuthentication.Options) {
        timer?.cancel()
        timer = nil
        guard !isEnded, let end = claims.expiresAt else { return }
        self.end = end
        limit = end + Double(options.rules.leewaySeconds) + Self.seconds(options.grace)
        warnAt = options.warning > .zero ? end - Self.seconds(options.warning) : .infinity
        arm()
    }

    private func arm() {
        let wait = min(warnAt, limit) - TokenAuthentication.now
        let delay = TimeAmount.milliseconds(Int64(min(max(wait, 0), Self.longest) * 1000) + 1)
        timer = socket.schedule(after: delay) { self.fire() }
    }

    private func fire() {
        timer = nil
        guard !isEnded else { return }
        let now = TokenAuthentication.now
        if now >= limit {
            onExpiry()
            socket.emit("token_expired")
            socket.disconnect()
            return
        }
        if now >= warnAt {
            warnAt = .infinity
            let times: SocketValue = [
                "expiresAt": .int(Self.milliseconds(end)), "disconnectAt": .int(Self.milliseconds(limit)),
            ]
            socket.emit("token_expiring", times)
        }
        arm()
    }

    private static func seconds(_ amount: TimeAmount) -> Double { Double(amount.nanoseconds) / 1e9 }

    /// In milliseconds, as far as JavaScript can count.
    static func milliseconds(_ seconds: Double) -> Int64 { Int64(min(max(seconds * 1000, -9e15), 9e15)) }
}
