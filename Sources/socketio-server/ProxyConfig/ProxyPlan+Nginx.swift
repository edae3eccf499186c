// Part of socketio-server, MIT licence; see LICENSE.

extension ProxyPlan {
    /// A complete configuration for nginx from 1.18 on.
    var nginx: String {
        """
        \(introduction("nginx", "nginx"))
        # Check it with 'nginx -t -c FILE', run it in the foreground with "nginx -c FILE -g 'daemon off;'".

        worker_processes auto;
        error_log stderr warn;

        events {
            # A client needs two: its own, and one to its node.
            worker_connections 4096;
        }

        http {
            # The session id in the query is a secret: $uri has no query. 'access_log /var/log/nginx/socketio.log socketio;'
            log_format socketio '$remote_addr [$time_iso8601] $request_method $uri $status $request_time $upstream_addr';
            access_log off;

            map $http_upgrade $socketio_connection {
                default upgrade;
                "" "";
            }

        \(nginxMap)
            # New sessions go where the fewest connections are. A node that is gone, or answers 503 because it drains, is left
            # alone for two seconds.
            upstream socketio {
                zone socketio 128k;
                \(stickiness == .source ? "ip_hash" : "least_conn");
        \(nodes.map { "        server \($0.address) max_fails=1 fail_timeout=2s;" }.joined(separator: "\n"))
                keepalive 32;
                keepalive_timeout \(keepAliveSeconds)s;
            }
        \(nginxUpstreams)
            server {
                listen \(nginxListen);
                # TLS: listen 443 ssl; ssl_certificate /etc/nginx/site.pem; ssl_certificate_key /etc/nginx/site.key;
                client_max_body_size \(maxBodyBytes);

                location / {
                    proxy_pass http://\(stickiness == .source ? "socketio" : "$socketio_upstream");
                    proxy_http_version 1.1;
                    proxy_set_header Host $http_host;
                    proxy_set_header Upgrade $http_upgrade;
                    proxy_set_header Connection $socketio_connection;
                    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                    proxy_set_header X-Forwarded-Proto $scheme;
                    proxy_buffering off;
                    proxy_connect_timeout 5s;
                    # A healthy client may be silent for pingInterval + pingTimeout = \(pingSeconds) s; a poll is held as long.
                    proxy_read_timeout \(idleSeconds)s;
                    proxy_send_timeout \(idleSeconds)s;
                    # Only a handshake has another node to go to, and nginx never sends a POST twice.
                    proxy_next_upstream error http_503;
                    proxy_next_upstream_tries 2;
                }
            }
        }

        """
    }

    private var nginxListen: String {
        let host = listen.host.contains(":") ? "[\(listen.host)]" : listen.host
        return host.isEmpty ? "\(listen.port)" : "\(host):\(listen.port)"
    }

    /// The upstreams are numbered: nginx ignores case in their names, and tags may differ in nothing else.
    private var nginxMap: String {
        let (source, comment): (String, String)
        let pattern: (String) -> String
        switch stickiness {
        case .sid:
            comment = """
                    # A session lives on one node, whose tag is the first four characters of its id. No table, no cookie: this
                    # survives a restart of the balancer, and several balancers agree. Without a known tag: a new session.
                """
            source = "$arg_sid"
            pattern = { "~^\($0)" }
        case .cookie:
            comment = """
                    # A session lives on one node, whose tag is what the cookie begins with (cookie.mode tag or sid). Requests
                    # without a session id are new sessions: they may go anywhere, whatever cookie they carry.
                """
            source = "\"$arg_sid|$cookie_\(cookieName)\""
            pattern = { "~^[^|]+[|]\($0)" }
        case .source:
            return """
                    # All requests from one address go to one node. Many clients behind one address are one node's load, and a
                    # client whose address changes has to start anew.
                """
        }
        let lines = nodes.enumerated().map { "        \"\(pattern($1.tag))\" socketio_\($0 + 1);" }
        return """
            \(comment)
                map \(source) $socketio_upstream {
                    default socketio;
            \(lines.joined(separator: "\n"))
                }

            """
    }

    private var nginxUpstreams: String {
        guard stickiness != .source else { return "" }
        return nodes.enumerated().map { index, node in
            """

                # \(node.tag)
                upstream socketio_\(index + 1) {
                    server \(node.address);
                    keepalive 32;
                    keepalive_timeout \(keepAliveSeconds)s;
                }

            """
        }.joined()
    }
}
