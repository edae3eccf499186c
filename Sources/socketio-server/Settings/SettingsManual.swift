// Part of socketio-server, MIT licence; see LICENSE.

/// The prose of `docs/configuration.md`, around the tables that come from the settings themselves.
enum SettingsManual {
    static let introduction = """
        # Configuration

        <!-- Made by `make docs` from Sources/socketio-server/Settings. A test compares the two. -->

        Everything has a default, so `socketio-server` alone serves on port 3000. A setting can be given in four places,
        each stronger than the one before it:

        1. the default, in the tables below;
        2. the YAML file named by `--config FILE`, or by the variable `SOCKETIO_CONFIG` when there is no such flag;
        3. an environment variable, `SOCKETIO_` and the words of the key: `SOCKETIO_PING_INTERVAL_MS`;
        4. a flag with the same words: `--ping-interval-ms 25000` or `--ping-interval-ms=25000`.

        ```yaml
        # my.yaml
        port: 8080
        pingIntervalMs: 10000
        cors:
          origin: ["https://example.org"]
          credentials: true
        ```

        ```sh
        socketio-server --config my.yaml --log-format json
        SOCKETIO_PORT=9000 socketio-server run --config my.yaml    # port 9000
        socketio-server check-config --config my.yaml              # checks, prints what holds, serves nothing
        ```

        `config/default.yaml` has every key with its default and a comment.

        ## How values are written

        - Units are in the name or in the table: `Ms` is milliseconds, sizes are bytes. Numbers are whole and may have
          `_` between digits.
        - Lists are YAML lists in the file, separated by commas in a variable, and separated by commas or repeated in
          flags: `--transports websocket` and `--cors-origin https://a.example --cors-origin https://b.example`.
        - A flag for a yes-or-no setting may stand alone: `--cors-enforce` is `--cors-enforce true`.
        - Where the table says "or nothing", `null` in the file and an empty variable mean that there is none.
        - Secrets have no flag, because other users of a machine can see flags. They are never printed.

        ## Changes while the server runs

        SIGHUP, or a changed file with `reload.watch`, makes the server read everything again. The column "change" tells
        what becomes of each setting: taken `at once`, for `new connections` or `new sessions`, or only after a `restart`,
        which the log then asks for by name. [operations.md](operations.md) has the details.

        ## When something is wrong

        Unknown keys, variables that begin with `SOCKETIO_` and mean nothing, unknown flags and bad values are refused,
        all of them at once, before anything is started:

        ```
        3 problems in the settings:
          my.yaml:2:1: pingIntervall: unknown key; did you mean 'pingIntervalMs'?
          my.yaml:4:9: cors.methods: expected a value, found keys; allowed: a list of texts
          environment variable SOCKETIO_PORT: port: 70000 is out of range; allowed: 0 to 65535
        ```

        Names of Node's options, such as `serveClient` or `cors: "*"`, are answered with the setting that does the same;
        [coming-from-node.md](coming-from-node.md#options-of-the-server) lists them.

        | exit code | meaning |
        | --- | --- |
        | 0 | ended as asked, by SIGTERM or SIGINT |
        | 1 | could not serve: the port is taken, the certificate is not readable |
        | 64 | wrong use of the command, such as an unknown flag |
        | 78 | wrong settings |


        """

    static let end = """
        ## The client bundle

        `make client`, which `make run` calls, fetches the official browser bundle from a pinned package, compares its
        SHA-256 and puts it into `.cache/client` as `socket.io.min.js`. The package has no readable variant, so
        `socket.io.js` is the same bytes under the other name. The bundle is MIT-licensed; its licence is put next to it.
        A server that is started in another directory also looks where it was built or installed. Without the files it starts
        all the same, says so once in its log, and answers their paths with 404 and what to do.

        ## Behind a proxy

        A proxy's idle timeout must be longer than `pingIntervalMs` + `pingTimeoutMs`, 45 seconds by default, and
        `limits.keepAliveTimeoutMs` longer than the time the proxy keeps its own connections open. Name the proxy in
        `trustedProxies` so that handlers and logs see the address of the client instead of the proxy's.

        """
}
