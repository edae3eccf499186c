// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOHTTP1

/// Answers on one path with what ``Readiness`` says, 200 or 503, and hands on everything else.
struct ReadinessCheck<Next: HTTPApplication>: HTTPApplication {
    let path: String
    let readiness: Readiness
    let next: Next

    func respond(to request: ApplicationRequest, writer: ApplicationResponseWriter) async {
        guard request.isFor(path: path) else {
            return await next.respond(to: request, writer: writer)
        }
        let report = readiness.report
        var answer = ApplicationResponse.text(report.json, status: report.isAccepting ? .ok : .serviceUnavailable)
        answer.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
        if request.method != .GET, request.method != .HEAD {
            answer = .text("Method Not Allowed\n", status: .methodNotAllowed)
            answer.headers.add(name: "Allow", value: "GET, HEAD")
        }
        answer.headers.add(name: "Cache-Control", value: "no-store")
        // Fails only when the client has gone; there is nobody left to tell.
        try? await writer.respond(status: answer.status, headers: answer.headers, body: answer.body)
    }
}
