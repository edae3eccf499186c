// Part of socketio-server, MIT licence; see LICENSE.

extension ProxyPlan {
    /// A dynamic configuration for Traefik 3, with the static one it needs in front as a comment.
    var traefik: String {
        """
        \(introduction("traefik", "Traefik 3"))
        #
        # This is the dynamic configuration. The static one, traefik.yml, needs:
        #
        #   entryPoints:
        #     socketio:
        #       address: "\(listen.host.isEmpty ? "" : listen.host):\(listen.port)"
        #       transport:
        #         respondingTimeouts:
        #           readTimeout: 0s        # a poll is held for longer than the default
        #           idleTimeout: 180s
        #   providers:
        #     file:
        #       filename: /etc/traefik/socketio.yml
        #
        # Add no retry middleware: a POST that is sent twice is a message that arrives twice.

        http:
          routers:
            # New sessions, and everything that is no session.
            socketio:
              entryPoints: [socketio]
              rule: 'PathPrefix(`/`)'
              priority: 1
              service: socketio
        \(nodes.enumerated().map(traefikRouter).joined())
          services:
            socketio:
              loadBalancer:
                serversTransport: socketio
                healthCheck:
                  path: \(readyPath)
                  interval: 1s
                  timeout: 1s
                servers:
        \(nodes.map { "          - url: 'http://\($0.address)'" }.joined(separator: "\n"))
        \(nodes.enumerated().map(traefikService).joined())
          serversTransports:
            socketio:
              forwardingTimeouts:
                dialTimeout: 5s
                # A healthy client may be silent for pingInterval + pingTimeout = \(pingSeconds) s; a poll is held as long.
                responseHeaderTimeout: \(idleSeconds)s
                idleConnTimeout: \(keepAliveSeconds)s

        """
    }

    private func traefikRouter(_ index: Int, _ node: Node) -> String {
        let rule =
            switch stickiness {
            // By address is refused by the command: Traefik cannot.
            case .sid, .source: "QueryRegexp(`sid`, `^\(node.tag)`)"
            case .cookie:
                "QueryRegexp(`sid`, `.`) && HeaderRegexp(`Cookie`, `(^|; *)\(Self.quoted(cookieName))=\(node.tag)`)"
            }
        return """
                # Sessions of \(node.tag).
                socketio-\(index + 1):
                  entryPoints: [socketio]
                  rule: '\(rule)'
                  priority: 100
                  service: socketio-\(index + 1)

            """
    }

    /// Without a health check: a node that is not ready keeps the sessions it has until it has sent them away.
    private func traefikService(_ index: Int, _ node: Node) -> String {
        """
            socketio-\(index + 1):
              loadBalancer:
                serversTransport: socketio
                servers:
                  - url: 'http://\(node.address)'

        """
    }

    /// The name of a cookie as a regular expression.
    private static func quoted(_ name: String) -> String {
        name.map { "^$*+.|".contains($0) ? "[\($0)]" : String($0) }.joined()
            .replacing("[^]", with: "\\^").replacing("'", with: "''")
    }
}
