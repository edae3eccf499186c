// Part of socketio-server, MIT licence; see LICENSE.

extension ProxyPlan {
    /// A complete configuration for HAProxy from 2.5 on.
    var haproxy: String {
        """
        \(introduction("haproxy", "HAProxy"))
        # Check it with 'haproxy -c -f FILE', run it in the foreground with 'haproxy -db -f FILE'.

        global
            log stdout format raw local0 info

        defaults
            mode http
            log global
            # %HPO is the path without the query: the session id in the query is a secret.
            log-format "%ci:%cp [%tr] %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %ts %HM %HPO"
            option dontlognull
            timeout connect 5s
            timeout http-request 5s
            timeout http-keep-alive 30s
            timeout queue 5s
            timeout check 5s
            # A healthy client may be silent for pingInterval + pingTimeout = \(pingSeconds) s; a poll is held as long.
            timeout client \(idleSeconds)s
            timeout server \(idleSeconds)s
            # After the upgrade heartbeats decide whether a connection lives.
            timeout tunnel 1h
            timeout client-fin 10s

        frontend socketio
            bind \(listenAddress)
            # TLS: bind \(listenAddress) ssl crt /etc/haproxy/site.pem alpn http/1.1
            option forwardfor
            http-request set-header X-Forwarded-Proto https if { ssl_fc }
            http-request set-header X-Forwarded-Proto http unless { ssl_fc }
            default_backend socketio

        backend socketio
            # New sessions go where the fewest connections are.
            balance \(stickiness == .source ? "source" : "leastconn")
        \(stickiness == .source ? "    hash-type consistent\n" : "")\
            option httpchk
            http-check send meth GET uri \(readyPath) ver HTTP/1.1 hdr Host balancer
            http-check expect status 200
            default-server check inter 1s fall 2 rise 1 pool-purge-delay \(keepAliveSeconds)s
            # A node that drains answers handshakes with 503: those, and connections that were never made, are tried on
            # another node. Nothing else is sent twice, a POST least of all.
            retries 2
            option redispatch 1
            retry-on conn-failure 503
            http-request disable-l7-retry unless METH_GET !{ url_param(sid) -m found }
        \(haproxyStickiness)
        \(nodes.map { "    server \($0.tag) \($0.address)" }.joined(separator: "\n"))

        """
    }

    private var haproxyStickiness: String {
        let persist = """
                # A node that is not ready keeps the sessions it has until it has sent them away.
                force-persist if { url_param(sid) -m found }
            """
        return switch stickiness {
        case .sid:
            """
                # A session lives on one node, whose tag is the first four characters of its id. No table, no cookie: this
                # survives a restart of the balancer, and several balancers agree.
                use-server %[url_param(sid),bytes(0,4)] if { url_param(sid) -m found }
            \(persist)
            """
        case .cookie:
            """
                # A session lives on one node, whose tag is what the cookie begins with (cookie.mode tag or sid). Requests
                # without a session id are new sessions: they may go anywhere, whatever cookie they carry.
                use-server %[req.cook(\(cookieName)),bytes(0,4)] if { url_param(sid) -m found } { req.cook(\(cookieName)) -m found }
            \(persist)
            """
        case .source:
            """
                # All requests from one address go to one node. Many clients behind one address are one node's load, and a
                # client whose address changes has to start anew.
            \(persist)
            """
        }
    }
}
