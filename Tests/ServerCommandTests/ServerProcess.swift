// Part of socketio-server, MIT licence; see LICENSE.

internal import ProcessTesting

extension RunningProcess {
    /// The server that was built together with these tests.
    static func server(
        _ arguments: [String], environment: [String: String] = [:], descriptors: Int? = nil, mayRaise: Bool = true
    ) throws -> RunningProcess {
        try RunningProcess(
            BuiltProduct.path("socketio-server"), arguments,
            environment: ["PATH": "/usr/bin:/bin", "SOCKETIO_CHAT_STORE": "memory"].merging(environment) { $1 },
            directory: "/tmp",
            descriptors: descriptors, mayRaise: mayRaise)
    }

    /// The port from the start line of a server that was told to take any.
    func port() async throws -> Int {
        try await line { line in
            line.contains("listening") ? line.firstMatch(of: /port=(\d+)/).flatMap { Int($0.1) } : nil
        }
    }
}
