// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOCore
internal import NIOHTTP1

/// Answers `/status` with the page, which holds nothing secret: what it shows comes over Socket.IO, after the token. Hands
/// on everything else.
struct StatusPage<Next: HTTPApplication>: HTTPApplication {
    let next: Next

    func respond(to request: ApplicationRequest, writer: ApplicationResponseWriter) async {
        guard request.isFor(path: StatusServer.path) || request.isFor(path: StatusServer.path + "/") else {
            return await next.respond(to: request, writer: writer)
        }
        let answer = answer(request)
        // Fails only when the client has gone; there is nobody left to tell.
        try? await writer.respond(status: answer.status, headers: answer.headers, body: answer.body)
    }

    private func answer(_ request: ApplicationRequest) -> ApplicationResponse {
        guard request.method == .GET || request.method == .HEAD else {
            return OperationsToken.methodNotAllowed("GET, HEAD")
        }
        // Only what stands in the page itself runs, and only as it stands there.
        let nonce =
            String(UInt64.random(in: .min ... .max), radix: 36) + String(UInt64.random(in: .min ... .max), radix: 36)
        let html = String(decoding: PackageResources.status_html, as: UTF8.self)
            .replacing("{{nonce}}", with: nonce).replacing("{{path}}", with: StatusServer.path)
        let policy =
            "default-src 'none'; script-src 'nonce-\(nonce)'; style-src 'nonce-\(nonce)'; connect-src 'self'; "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        return ApplicationResponse(
            headers: [
                "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy,
                "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
            ],
            body: ByteBuffer(string: html))
    }
}
