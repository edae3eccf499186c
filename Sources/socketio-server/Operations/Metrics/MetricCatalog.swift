// Part of socketio-server, MIT licence; see LICENSE.

/// What each metric means: for `/metrics` and for `docs/operations.md`, which a test compares.
enum MetricCatalog {
    static func help(for name: String) -> String { entries[name] ?? "A figure of a library in use." }

    static let entries: [String: String] = [
        // Sessions
        "engineio_sessions": "Open sessions by transport.",
        "engineio_session_closes_total": "Sessions that ended, by reason.",
        "engineio_upgrades_total": "Upgrades from polling to WebSocket, by outcome.",
        "engineio_refusals_total": "Requests refused, by Engine.IO error code; 1 is an unknown session id.",
        "engineio_handshakes_refused_total":
            "Handshakes answered with 503 or 429, by reason: draining, or too many sessions or handshakes, in total "
            + "or of one address.",
        "engineio_pending_sessions": "Sessions that have joined no namespace yet.",
        "engineio_limit_refusals_total": "Messages, requests and sessions that a limit has refused or ended, by the "
            + "name of its setting.",
        "socketio_connections_refused_for_descriptors_total":
            "Connections closed at once because the process had no descriptors left for them.",
        "socketio_proxy_headers_missing_total":
            "Connections of trustedProxies that were closed because they do not begin with a PROXY header.",
        "engineio_rehomed_connections_total": "WebSockets moved to the event loop of their session.",
        "socketio_http_refused_total": "HTTP requests refused, by status.",
        "socketio_api_requests_total": "Requests to the HTTP API, by operation and status.",
        "socketio_webhook_events_total":
            "Events for webhooks, by what became of them: delivered, refused, givenUp or dropped.",
        "socketio_webhook_queued_bytes": "Bytes of events that wait for the receiver of webhooks.",
        // Traffic
        "engineio_messages_received_total": "Messages from clients, by event loop.",
        "engineio_received_bytes_total": "Bytes of those messages.",
        "engineio_messages_sent_total": "Messages to clients, each recipient counted, by event loop.",
        "engineio_sent_bytes_total": "Bytes to clients as WebSocket frames, before compression, by event loop.",
        "engineio_queued_bytes": "Bytes queued for slow clients, by event loop.",
        "engineio_input_dropped_bytes_total":
            "Received bytes dropped because the connection ended while the client was over its rate.",
        "engineio_held_bytes": "Memory of the messages queued for slow clients; a message queued for several "
            + "clients of an event loop counts once.",
        "engineio_slow_client_disconnects_total": "Clients disconnected because they read too slowly, by reason.",
        "engineio_dropped_messages_total": "Messages to slow clients that were dropped or replaced, by policy.",
        "socketio_events_received_total": "Events from clients, by event loop.",
        "socketio_acknowledgements_received_total": "Acknowledgements from clients, by event loop.",
        "socketio_acknowledgement_latency_seconds":
            "Time until a client acknowledged an event of the server.",
        "socketio_acknowledgements_timed_out_total": "Acknowledgements that did not arrive in time.",
        "socketio_rate_limited_total": "Times that clients went over a rate, by kind and action.",
        "socketio_slow_handlers_total": "Times that a handler held its event loop longer than slowHandlerMs.",
        "socketio_volatile_dropped_total": "Volatile packets dropped because a client was busy.",
        "socketio_packets_ignored_total": "Packets without consequence, such as acknowledgements nobody waits for.",
        "socketio_packets_undecodable_total": "Packets that could not be decoded, which ends the session.",
        "socketio_protocol_violations_total": "Packets that the protocol does not allow at that point, which ends "
            + "the session.",
        // Namespaces
        "socketio_namespaces": "Namespaces; those created on demand count as 'dynamic'.",
        "socketio_sockets": "Sockets connected to a namespace.",
        "socketio_rooms": "Rooms with sockets of this node, without the room that each socket has for itself.",
        "socketio_connections_total": "Sockets that were connected to a namespace.",
        "socketio_disconnections_total": "Sockets that left a namespace.",
        "socketio_connections_refused_total": "Connections to a namespace that were refused.",
        "socketio_connect_timeouts_total": "Sessions closed because they joined no namespace in time.",
        "socketio_namespaces_refused_total": "Namespaces refused because too many had been created on demand.",
        "socketio_joins_refused_total": "Joins of rooms refused by a limit.",
        "socketio_recoveries_total":
            "Clients that asked to continue their session, by outcome: 'recovered', or why not.",
        "socketio_history_events_total": "Events that this node has had kept in the histories of rooms.",
        "socketio_history_failures_total":
            "Events that could not be kept in the history of their room; the caller was told.",
        "socketio_history_replayed_total": "Events sent to clients from the histories of rooms.",
        "socketio_history_missed_total":
            "Events of rooms that this node has missed and that are in no history any more.",
        "socketio_history_rejected_total":
            "Announced events of rooms that were rejected, because their number is more than 2^20 above the newest one of "
            + "the history.",
        "socketio_limit_refusals_total":
            "Packets, names, joins and namespaces of clients that exceeded a limit, by limit; the settings "
            + "`limits.*` name the limits.",
        // Chat
        "socketio_chat_refused_total":
            "What the chat has refused, by the code that the client gets: slow-down for a person's rate, too-long, too-many, "
            + "file-size and full for limits, and others.",
        "socketio_chat_presence_left_out_total":
            "People of other nodes whom the chat does not show as here, because there are more than 200,000 of them.",
        // Authentication
        "socketio_auth_refused_total": "Tokens refused, including those sent with 'token_renew', by code.",
        "socketio_auth_expired_total": "Sockets disconnected because their token had expired.",
        "socketio_room_requests_total":
            "Requests of clients to join and leave rooms, by outcome: joined, left, refused, limited or failed.",
        "socketio_callback_requests_total":
            "Questions to permission callbacks, by callback and outcome: allowed, denied, cached, busy or failed.",
        // Handlers
        "socketio_events_unhandled_total": "Events for which there is no handler.",
        "socketio_events_invalid_total": "Events whose arguments did not fit their handler.",
        "socketio_handler_failures_total": "Handlers that failed.",
        // Event loops and process
        "socketio_event_loop_lag_seconds":
            "How late an event loop runs its scheduled work, measured twice a second.",
        "socketio_timers": "Pending timers of sessions and sockets, by event loop.",
        "socketio_build_info": "Version and node tag; the value is always 1.",
        "socketio_ready": "1 when the node accepts new clients, as in /readyz.",
        "socketio_draining": "1 while the node disconnects its clients before it stops.",
        "socketio_overloaded": "1 when the node is overloaded, as in /readyz.",
        "process_cpu_seconds_total": "CPU time used.",
        "process_start_time_seconds": "When the process started, in seconds since 1970.",
        "process_resident_memory_bytes": "Memory in use.",
        "process_open_fds": "Open descriptors.",
        "process_max_fds": "Largest number of descriptors that may be open.",
        // Cluster
        "socketio_cluster_peers": "Other nodes of the cluster.",
        "socketio_cluster_announcements_refused_total":
            "Messages on the nodes' channel that were refused because they are not signed with cluster.secret, by "
            + "reason.",
        "socketio_adapter_info": "The adapter in use; the value is always 1.",
        "socketio_adapter_state": "1 for the state the adapter is in, 0 for the others.",
        "socketio_adapter_lag_seconds": "How long the last heartbeat of this node took through Redis and back.",
        "socketio_adapter_up": "1 when messages flow to and from the other nodes.",
        "socketio_adapter_waiting_bytes": "Bytes of messages queued until Redis is back.",
        "socketio_adapter_published_total": "Messages handed to Redis, without heartbeats.",
        "socketio_adapter_received_total": "Messages from other nodes that were for this one.",
        "socketio_adapter_filtered_total": "Broadcasts of other nodes for rooms without sockets here.",
        "socketio_adapter_invalid_total": "Messages of other nodes that could not be decoded.",
        "socketio_adapter_unexpected_total": "Responses of other nodes to no pending request.",
        "socketio_adapter_lost_total": "Messages not sent because Redis was not reachable.",
        "socketio_adapter_dropped_total": "Messages dropped from the queue because Redis was not reachable for too "
            + "long or the queue was full.",
        "socketio_adapter_replayed_total": "Queued messages that were sent when Redis was back.",
        "socketio_adapter_unconfirmed_total": "Messages in flight when the connection to Redis broke, which may or "
            + "may not have arrived.",
        "socketio_adapter_refused_total": "Messages that Redis refused.",
        "socketio_adapter_stream_gaps_total":
            "Times at which entries of a stream were gone, or too large, before they could be read.",
        "socketio_adapter_stream_lag_seconds":
            "How long ago the entry was added that was read last; 0 when nothing has come since the last heartbeat.",
        "socketio_redis_cluster_primaries": "Primaries of the Redis Cluster.",
        "socketio_redis_cluster_primaries_up": "Primaries of the Redis Cluster that this node reaches.",
        "socketio_redis_cluster_maps_total": "Times at which the slots of the Redis Cluster were read.",
        "socketio_redis_cluster_redirections_total":
            "Times at which a server of the Redis Cluster said that a slot is elsewhere.",
        "socketio_adapter_channels":
            "Sharded channels that this node subscribes to: one for each room, and a few for each namespace.",
        "socketio_adapter_missed_total": "Broadcasts of other nodes that never arrived here.",
        "socketio_adapter_limit_refusals_total":
            "Messages between nodes over a limit, by limit; those of this node, 'sent_bytes', 'answer_bytes' and 'answers', were not sent.",
        "socketio_adapter_request_timeouts_total": "Questions to other nodes without all answers in time.",
        "socketio_adapter_requests_refused_total":
            "Requests to other nodes that were not sent because too many were waiting for responses.",
        // Forwarding
        "engineio_session_requests_total": "Requests of clients that name a session, on nodes that forward.",
        "socketio_forwarded_requests_total": "Requests for sessions of other nodes, by result.",
        "socketio_forward_tunnels": "WebSockets that are currently tunnelled to other nodes.",
        "socketio_forward_refused_total": "Requests refused at the listener for other nodes, by reason.",
        // Redis
        "socketio_redis_up": "1 when a connection to Redis is up, by link.",
        "socketio_redis_connections_total": "Connections to Redis that were made, by link.",
        "socketio_redis_failed_attempts_total": "Attempts to connect to Redis that failed, by link.",
        "socketio_redis_messages_received_total": "Messages from Redis, by link.",
        "socketio_redis_commands_refused_total":
            "Commands refused because too many waited for a connection to Redis, by link.",
        "socketio_redis_messages_oversized_total": "Messages from Redis dropped for their size, by link.",
        "socketio_redis_publishes_total": "Messages published to Redis, by link.",
        "socketio_redis_publish_errors_total": "Publishes that Redis answered with an error, by link.",
    ]
}
