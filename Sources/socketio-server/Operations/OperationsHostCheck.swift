// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOCore
internal import NIOHTTP1

/// The values of `Host` that the operations listener accepts.
///
/// A listener on loopback needs no token, because only this machine can reach it. But pages in a browser on this
/// machine can reach it as well: if the host name of a page resolves to 127.0.0.1 (DNS rebinding), the browser treats
/// the listener as the page's own host and lets the page read its responses. Such requests carry the page's host name
/// in `Host`, by which they are recognised. With a token the check is unnecessary, since such a page does not have it.
struct OperationsHosts: Sendable {
    let hasToken: Bool
    /// `operations.host`.
    let configured: String

    func allows(_ headers: HTTPHeaders) -> Bool {
        let hosts = headers["Host"]
        guard hosts.count == 1, let authority = Authority(hosts[0]) else { return false }
        return hasToken || authority.isLoopback || authority.host == Authority(configured)?.host
    }

    /// The response to all other requests.
    static var misdirected: ApplicationResponse {
        .text(
            "this listener answers to localhost and operations.host only; set operations.token to use another name\n",
            status: .misdirectedRequest)
    }
}

/// Refuses requests for other hosts and passes the rest on.
struct OperationsHostCheck<Next: HTTPApplication>: HTTPApplication {
    let hosts: OperationsHosts
    let next: Next

    func respond(to request: ApplicationRequest, writer: ApplicationResponseWriter) async {
        guard hosts.allows(request.headers) else {
            var answer = OperationsHosts.misdirected
            answer.headers.add(name: "Cache-Control", value: "no-store")
            // Fails only when the client has disconnected; nothing can be reported then.
            try? await writer.respond(status: answer.status, headers: answer.headers, body: answer.body)
            return
        }
        await next.respond(to: request, writer: writer)
    }
}
