// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// `/loglevel`: tells the level of the log, and changes it until the next reload or restart. Hands on everything else.
///
/// A change needs the token even on loopback: every program and every page open in a browser of the machine reaches that.
struct LogLevelEndpoint<Next: HTTPApplication>: HTTPApplication {
    static var path: String { "/loglevel" }

    let token: OperationsToken
    /// The level of the settings.
    let initial: Logger.Level
    let logger: Logger
    let next: Next

    func respond(to request: ApplicationRequest, writer: ApplicationResponseWriter) async {
        guard request.isFor(path: Self.path) else {
            return await next.respond(to: request, writer: writer)
        }
        var answer = await answer(request)
        answer.headers.add(name: "Cache-Control", value: "no-store")
        // Fails only when the client has gone; there is nobody left to tell.
        try? await writer.respond(status: answer.status, headers: answer.headers, body: answer.body)
    }

    private func answer(_ request: ApplicationRequest) async -> ApplicationResponse {
        switch request.method {
        case .GET, .HEAD:
            guard token.allows(request) else { return OperationsToken.unauthorized }
            return .text((RuntimeLogLevel.changed ?? initial).rawValue + "\n")
        case .PUT:
            guard token.text != nil else {
                return .text("the level can be changed here once operations.token is set\n", status: .forbidden)
            }
            guard token.allows(request) else { return OperationsToken.unauthorized }
            guard let body = try? await request.body.collect(upTo: 64) else {
                return .text("the body is too long for the name of a level\n", status: .payloadTooLarge)
            }
            let name = body.readableBytesView.filter { $0 > 0x20 }
            guard let level = Logger.Level.allCases.first(where: { $0.rawValue.utf8.elementsEqual(name) }) else {
                let all = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
                return .text("no such level; there are \(all)\n", status: .badRequest)
            }
            RuntimeLogLevel.change(to: level)
            // Logged at the highest appropriate level, so that the log shows why it falls silent afterwards.
            logger.log(
                level: max(level, .notice), "the log level was changed",
                metadata: ["to": "\(level.rawValue)", "remote": "\(request.clientAddress)"])
            return .text(level.rawValue + "\n")
        default:
            return OperationsToken.methodNotAllowed("GET, HEAD, PUT")
        }
    }
}
