// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOCore
internal import NIOHTTP1

/// Which hosts the operations listener answers to, told by `Host`.
///
/// A listener on loopback asks for no token, because only this machine reaches it. So do the pages in its browsers: a page
/// whose own name is made to point to 127.0.0.1 (DNS rebinding) may read what it gets from there, since for the browser it
/// is the page's own host. Its requests still carry its name in `Host`, which is how they are told. With a token there is
/// nothing to tell, since such a page does not have it.
struct OperationsHosts: Sendable {
    let hasToken: Bool
    /// `operations.host`.
    let configured: String

    func allows(_ headers: HTTPHeaders) -> Bool {
        let hosts = headers["Host"]
        guard hosts.count == 1, let authority = Authority(hosts[0]) else { return false }
        return hasToken || authority.isLoopback || authority.host == Authority(configured)?.host
    }

    /// The answer to everybody else.
    static var misdirected: ApplicationResponse {
        .text(
            "this listener answers to localhost and operations.host only; set operations.token to use another name\n",
            status: .misdirectedRequest)
    }
}

/// Refuses requests for other hosts, and hands on the rest.
struct OperationsHostCheck<Next: HTTPApplication>: HTTPApplication {
    let hosts: OperationsHosts
    let next: Next

    func respond(to request: ApplicationRequest, writer: ApplicationResponseWriter) async {
        guard hosts.allows(request.headers) else {
            var answer = OperationsHosts.misdirected
            answer.headers.add(name: "Cache-Control", value: "no-store")
            // Fails only when the client has gone; there is nobody left to tell.
            try? await writer.respond(status: answer.status, headers: answer.headers, body: answer.body)
            return
        }
        await next.respond(to: request, writer: writer)
    }
}
