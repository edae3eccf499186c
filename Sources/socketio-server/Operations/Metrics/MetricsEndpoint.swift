// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOCore
internal import NIOHTTP1

/// The last of the operations listener's answers: the metrics on one path, 404 for everything else.
struct MetricsEndpoint: HTTPApplication {
    let path: String
    let token: OperationsToken
    let page: MetricsPage

    func respond(to request: ApplicationRequest, writer: ApplicationResponseWriter) async {
        var answer = await answer(request)
        answer.headers.add(name: "Cache-Control", value: "no-store")
        // Fails only when the client has gone; there is nobody left to tell.
        try? await writer.respond(status: answer.status, headers: answer.headers, body: answer.body)
    }

    private func answer(_ request: ApplicationRequest) async -> ApplicationResponse {
        guard request.isFor(path: path) else {
            return .text(
                "not found; there are /status, /metrics, /healthz, /readyz and /loglevel\n", status: .notFound)
        }
        guard request.method == .GET || request.method == .HEAD else {
            return OperationsToken.methodNotAllowed("GET, HEAD")
        }
        guard token.allows(request) else { return OperationsToken.unauthorized }
        return ApplicationResponse(
            headers: ["Content-Type": MetricText.contentType], body: ByteBuffer(string: await page.render()))
    }
}
