// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOCore
internal import NIOHTTP1

/// The last of the operations listener's answers: the metrics on one path, 404 for everything else.
struct MetricsEndpoint: HTTPApplication {
    let path: String
    /// Asked for as `Authorization: Bearer`; nil asks for nothing.
    let token: String?
    let page: MetricsPage

    func respond(to request: ApplicationRequest, writer: ApplicationResponseWriter) async {
        var answer = await answer(request)
        answer.headers.add(name: "Cache-Control", value: "no-store")
        // Fails only when the client has gone; there is nobody left to tell.
        try? await writer.respond(status: answer.status, headers: answer.headers, body: answer.body)
    }

    private func answer(_ request: ApplicationRequest) async -> ApplicationResponse {
        guard request.target.prefix(while: { $0 != "?" }) == path else {
            return .text("not found; there are /metrics, /healthz and /readyz\n", status: .notFound)
        }
        guard request.method == .GET || request.method == .HEAD else {
            var answer = ApplicationResponse.text("Method Not Allowed\n", status: .methodNotAllowed)
            answer.headers.add(name: "Allow", value: "GET, HEAD")
            return answer
        }
        guard isAllowed(request) else {
            var answer = ApplicationResponse.text("Unauthorized\n", status: .unauthorized)
            answer.headers.add(name: "WWW-Authenticate", value: "Bearer")
            return answer
        }
        return ApplicationResponse(
            headers: ["Content-Type": MetricText.contentType], body: ByteBuffer(string: await page.render()))
    }

    private func isAllowed(_ request: ApplicationRequest) -> Bool {
        guard let token else { return true }
        let values = request.headers["Authorization"]
        guard values.count == 1, let value = values.first, value.lowercased().hasPrefix("bearer ") else { return false }
        return Self.isEqual(Array(value.dropFirst("bearer ".count).utf8), Array(token.utf8))
    }

    /// Takes as long for the first wrong byte as for the last.
    private static func isEqual(_ given: [UInt8], _ wanted: [UInt8]) -> Bool {
        var difference = given.count ^ wanted.count
        for (index, byte) in wanted.enumerated() { difference |= Int(byte ^ (index < given.count ? given[index] : 0)) }
        return difference == 0
    }
}
