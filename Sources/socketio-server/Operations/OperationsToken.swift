// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOHTTP1
internal import SocketIOServer

/// Checks requests for `operations.token`.
struct OperationsToken: Sendable {
    /// Nil asks for nothing.
    let text: String?

    /// Whether a request carries it as `Authorization: Bearer`, or none is asked for.
    func allows(_ request: ApplicationRequest) -> Bool {
        guard text != nil else { return true }
        return Self.bearer(of: request).map { allows($0) } ?? false
    }

    /// What a request carries as `Authorization: Bearer`.
    static func bearer(of request: ApplicationRequest) -> String? {
        let values = request.headers["Authorization"]
        guard values.count == 1, let value = values.first else { return nil }
        let scheme = "bearer ".utf8.count
        guard String(decoding: value.utf8.prefix(scheme), as: UTF8.self).equalsIgnoringASCIICase("bearer ") else {
            return nil
        }
        return String(Substring(value.utf8.dropFirst(scheme)))
    }

    /// Whether this is it, or none is asked for. Takes as long for the first wrong byte as for the last.
    func allows(_ given: String?) -> Bool {
        guard let text else { return true }
        let (given, wanted) = (Array((given ?? "").utf8), Array(text.utf8))
        var difference = given.count ^ wanted.count
        for (index, byte) in wanted.enumerated() { difference |= Int(byte ^ (index < given.count ? given[index] : 0)) }
        return difference == 0
    }

    /// The answer to everybody else.
    static var unauthorized: ApplicationResponse {
        var answer = ApplicationResponse.text("Unauthorized\n", status: .unauthorized)
        answer.headers.add(name: "WWW-Authenticate", value: "Bearer")
        return answer
    }

    /// The answer to a method that the path has not.
    static func methodNotAllowed(_ allowed: String) -> ApplicationResponse {
        var answer = ApplicationResponse.text("Method Not Allowed\n", status: .methodNotAllowed)
        answer.headers.add(name: "Allow", value: allowed)
        return answer
    }
}
