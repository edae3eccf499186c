// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOHTTP1
internal import SocketIOServer

extension Handshake {
    /// The names of a handshake's members, sorted.
    static let memberNames = ["address", "auth", "headers", "issued", "query", "secure", "time", "url", "xdomain"]

    /// The handshake as the object that Node applications send to their clients.
    var value: SocketValue {
        var headers = SocketObject()
        for (name, value) in HandshakeInfo.fields(self.headers) {
            headers[name] =
                switch value {
                case .one(let text): .string(text)
                case .list(let texts): .array(texts.map { .string($0) })
                }
        }
        var query = SocketObject()
        for (name, value) in self.query.sorted(by: { $0.key < $1.key }) { query[name] = .string(value) }
        return .object([
            "headers": .object(headers), "time": .string(time), "address": .string(address),
            "xdomain": .bool(xdomain), "secure": .bool(secure), "issued": .int(issued), "url": .string(url),
            "query": .object(query), "auth": auth,
        ])
    }
}
